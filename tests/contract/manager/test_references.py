"""References: three characters, more as a day fills, unique whoever writes, found however they are written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import product

from axion_bus.domain.reference import ALPHABET
from tests.chaos.ledger import query


async def test_a_reference_has_three_characters(manager, an_incident):
    _, reference = await manager.log_communication(await an_incident(), "PHONE", message="m")

    assert len(f"REF-{datetime.now(UTC):%Y%m%d}-XXX") == len(reference)


async def test_a_reference_is_found_however_its_letters_are_written(manager, an_incident):
    guid, reference = await manager.log_communication(await an_incident(), "PHONE", message="m")

    found = await manager.get_communication_by_ref(f" {reference.lower()} ")

    assert guid == found["CommunicationGuid"]


async def test_eight_that_write_at_once_get_references_of_their_own(managers, an_incident):
    incident = await an_incident()
    writers = await managers(8)

    logged = await asyncio.gather(*(each.log_communication(incident, "PHONE", message="m") for each in writers * 10))

    assert 80 == len({reference for _, reference in logged})


async def test_a_code_widens_when_the_day_is_full(manager, an_incident, store_url):
    incident = await an_incident()
    day = f"{datetime.now(UTC):%Y%m%d}"
    fill(store_url, [f"REF-{day}-{''.join(code)}" for code in product(ALPHABET, repeat=3)])

    _, reference = await manager.log_communication(incident, "PHONE", message="m")

    if reference.startswith(f"REF-{day}-"):  # else midnight came between
        assert 4 == len(reference.rpartition("-")[2])


def fill(store_url, references):
    """Take every one of ``references``, as a day of messages would."""
    columns = "CommunicationGuid, ShortRef, Channel, Direction, Status, Message, Recipient, Timestamp, Metadata"
    for start in range(0, len(references), 6000):
        chunk = references[start : start + 6000]
        values = ", ".join(
            f"('{reference}', '{reference}', 'SMS', 'OUTBOUND', 'SENT', '', '', '2025-01-01 00:00:00.000000', '{{}}')"
            for reference in chunk
        )
        query(store_url, f"INSERT INTO data_incident_communication ({columns}) VALUES {values}")
