"""What the bus shows of the database: open incidents page by page, what is to be emptied, the summary, and the client's slot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.ports import Slot
from tests.builders import an_incident
from tests.contract.store.scenes import look, save
from tests.fakes import NOON

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def closed(guid, at=NOON):
    return an_incident(guid=guid, status=IncidentStatus.CLOSED, closed_at=at, close_reason=CloseReason.RESOLVED)


async def test_open_incidents_come_page_by_page_in_the_order_of_their_guids(store):
    incidents = [an_incident(guid=guid) for guid in "dbaec"]
    await save(store, new_incidents=[*incidents, closed("aa"), closed("f")])

    pages, after = [], ""
    while page := await store.open_incidents(after, "e", 2):
        pages.append([each.guid for each in page])
        after = page[-1].guid

    assert [["a", "b"], ["c", "d"], ["e"]] == pages


async def test_a_page_ends_where_it_is_told_to(store):
    await save(store, new_incidents=[an_incident(guid=guid) for guid in "abcd"])

    assert ["a", "b", "c"] == [each.guid for each in await store.open_incidents("", "c", 10)]


async def test_the_last_incident_is_known_whether_it_is_open_or_not(store):
    assert await store.last_incident() == ""
    await save(store, new_incidents=[an_incident(guid="a"), closed("b")])

    assert await store.last_incident() == "b"


async def test_an_open_incident_comes_whole(store):
    incident = an_incident(status=IncidentStatus.MONITORING, auto_close_at=NOON + HOUR, assigned_to="dba", version=3)
    await save(store, new_incidents=[incident])

    assert [incident] == list(await store.open_incidents("", incident.guid, 10))


async def test_the_state_of_what_was_closed_an_hour_ago_is_to_be_cleared_the_oldest_first(store):
    await save(store, new_incidents=[closed("b"), closed("a", NOON + MOMENT), closed("c", NOON - HOUR), an_incident(guid="open")])

    assert ["c", "b"] == list(await store.incidents_to_clear(NOON + HOUR, 10))
    assert ["c"] == list(await store.incidents_to_clear(NOON + HOUR, 1))


async def test_what_was_cleared_need_not_be_cleared_again(store):
    await save(store, new_incidents=[closed("a"), closed("b")])

    await store.cleared(["a", "unknown"])

    assert ["b"] == list(await store.incidents_to_clear(NOON + HOUR, 10))


async def test_nothing_cleared_changes_nothing(store):
    await save(store, new_incidents=[closed("a")])

    await store.cleared([])

    assert ["a"] == list(await store.incidents_to_clear(NOON + HOUR, 10))


async def test_a_reopened_incident_keeps_its_state(store):
    was = closed("a")
    await save(store, new_incidents=[was])
    reopened = replace(was, status=IncidentStatus.INVESTIGATING, closed_at=None, close_reason=None)

    await save(store, changed_incidents=[reopened])

    assert [] == list(await store.incidents_to_clear(NOON + 2 * HOUR, 10))


async def test_an_incident_that_is_closed_again_is_to_be_cleared_again(store):
    await save(store, new_incidents=[closed("a")])
    await store.cleared(["a"])

    await save(store, changed_incidents=[closed("a", NOON + HOUR)])

    assert [] == list(await store.incidents_to_clear(NOON + 2 * HOUR - MOMENT, 10))
    assert ["a"] == list(await store.incidents_to_clear(NOON + 2 * HOUR, 10))


async def test_the_summary_counts_open_incidents(store):
    await save(
        store,
        new_incidents=[
            an_incident(guid="a", package="DB"),
            an_incident(guid="b", package="DB", severity=Severity.LOW),
            an_incident(guid="c", package="WEB", status=IncidentStatus.MONITORING),
            closed("d"),
        ],
    )

    expected = {"status": {"CREATED": 2, "MONITORING": 1}, "severity": {"HIGH": 2, "LOW": 1}, "package": {"DB": 2, "WEB": 1}}
    assert expected == await store.summary()


async def test_the_summary_of_nothing_is_empty(store):
    assert {"status": {}, "severity": {}, "package": {}} == await store.summary()


async def test_a_client_id_that_is_new_never_had_a_session(store):
    assert Slot(client_id="axion-bus") == await store.take_slot("axion-bus", "instance", "boot-1")


async def test_a_slot_remembers_what_the_broker_told(store):
    await store.take_slot("axion-bus", "instance", "boot-1")
    slot = Slot(
        client_id="axion-bus",
        subscribed_at=NOON,
        connecting_since=NOON + MOMENT,
        filters=("a/#", "b/+/c"),
        broker_dropped=3_000_000_000,
    )
    await store.write(lambda transaction: transaction.save_slot(slot))

    found = await store.take_slot("axion-bus", "another", "boot-2")

    assert slot == found


async def test_slots_do_not_share_what_they_know(store):
    await store.take_slot("a", "instance", "boot-1")
    await store.write(lambda transaction: transaction.save_slot(Slot(client_id="a", subscribed_at=NOON)))

    assert Slot(client_id="A") == await store.take_slot("A", "instance", "boot-1")


async def test_each_taking_of_a_slot_raises_its_fencing_number(store):
    await store.take_slot("a", "one", "boot-1")
    await store.take_slot("a", "two", "boot-2")

    assert [("two", "boot-2", 2)] == await look(store, "SELECT Instance, BootId, Fence FROM data_ingest_slot")


async def test_many_may_take_a_slot_at_once(store, other_store):
    stores = [store, other_store] * 5

    await asyncio.gather(*(each.take_slot("a", "instance", f"boot-{n}") for n, each in enumerate(stores)))

    assert [(10,)] == await look(store, "SELECT Fence FROM data_ingest_slot")
