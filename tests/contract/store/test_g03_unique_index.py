"""G3: one open incident per correlation key, one open alert per fingerprint, one row per (source, id): an index decides."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.errors import StoreConflict
from axion_bus.ports import Changes, Link
from axion_bus.store.engine import connected
from axion_bus.store.sql import SqlTransaction
from tests.builders import an_incident
from tests.contract.store.scenes import a_message, a_record, look, save
from tests.fakes import NOON

CLOSED = {"status": IncidentStatus.CLOSED, "closed_at": NOON, "close_reason": CloseReason.RESOLVED}
SECONDS = {
    "open alert of a fingerprint": lambda: {"new_alerts": [a_record("b", fingerprint="fingerprint-a")]},
    "alert guid": lambda: {"new_alerts": [a_record("b", guid="alert-a")]},
    "open incident of a key": lambda: {"new_incidents": [an_incident(guid="b", correlation_key="key")]},
    "incident guid": lambda: {"new_incidents": [an_incident(guid="incident-1")]},
    "row of an ingest key": lambda: {"communications": [a_message(ingest_key="ingest")]},
    "row of a reference": lambda: {"communications": [a_message(short_ref="REF-1")]},
    "row of a guid": lambda: {"communications": [a_message(guid="row")]},
}


async def set_the_scene(store):
    await save(
        store,
        new_alerts=[a_record("a")],
        new_incidents=[an_incident(correlation_key="key")],
        communications=[a_message(guid="row", short_ref="REF-1", ingest_key="ingest")],
    )


async def save_once(store, **changes):
    """``save`` without another try."""
    async with connected(store.engine, 10) as connection:
        await SqlTransaction(connection).save(Changes(**changes))


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
async def test_a_second_one_is_a_conflict(store, second):
    await set_the_scene(store)

    with pytest.raises(StoreConflict):
        await save_once(store, **second())


async def test_any_number_of_closed_ones_may_share_a_key(store):
    await set_the_scene(store)
    resolved = [a_record(name, fingerprint="fingerprint-a", status=AlertStatus.RESOLVED) for name in "bc"]
    closed = [an_incident(guid=guid, correlation_key="key", **CLOSED) for guid in "bc"]

    await save(store, new_alerts=resolved, new_incidents=closed)

    assert [(3,)] == await look(store, "SELECT COUNT(*) FROM data_incident WHERE CorrelationKey = 'key'")


async def test_any_number_of_incidents_without_a_key_may_be_open(store):
    await save(store, new_incidents=[an_incident(guid=guid) for guid in "abc"])

    assert [(3,)] == await look(store, "SELECT COUNT(*) FROM data_incident")


async def test_reopening_an_incident_whose_key_is_taken_meanwhile_is_a_conflict(store):
    closed = an_incident(guid="old", correlation_key="key", **CLOSED)
    await save(store, new_incidents=[closed, an_incident(guid="new", correlation_key="key")])
    reopened = replace(closed, status=IncidentStatus.INVESTIGATING, closed_at=None, close_reason=None)

    with pytest.raises(StoreConflict):
        await save_once(store, changed_incidents=[reopened])


async def link_or_open(transaction, guid):
    """What each of several daemons does with an alert of the same key: link it to the open incident, or open one."""
    await save_as_seen(transaction, await transaction.incidents_by_key(["key"], None), guid)


async def save_as_seen(transaction, found, guid):
    new = [] if found else [an_incident(guid=guid, correlation_key="key")]
    incident = (*found, *new)[0]
    await transaction.save(Changes(new_incidents=new, links=[Link(incident.guid, f"alert-{guid}", NOON)]))


async def test_the_loser_of_a_race_runs_again_from_the_start_and_links(mariadb_store):
    found_at_each_try = []

    async def loser(transaction):
        found = await transaction.incidents_by_key(["key"], None)
        found_at_each_try.append([each.guid for each in found])
        if not found:
            await mariadb_store.write(lambda another: link_or_open(another, "first"))
        await save_as_seen(transaction, found, "second")

    await mariadb_store.write(loser)

    assert [[], ["first"]] == found_at_each_try
    rows = await look(mariadb_store, "SELECT IncidentGuid, AlertGuid FROM data_incident_alert ORDER BY AlertGuid")
    assert [("first", "alert-first"), ("first", "alert-second")] == rows


async def test_many_writers_of_one_key_end_with_one_incident(store, other_store):
    stores = [store, other_store] * 10
    works = [each.write(lambda transaction, n=n: link_or_open(transaction, f"i{n}")) for n, each in enumerate(stores)]

    await asyncio.gather(*works)

    assert [(1,)] == await look(store, "SELECT COUNT(*) FROM data_incident")
    assert [(20,)] == await look(store, "SELECT COUNT(DISTINCT AlertGuid) FROM data_incident_alert")


async def test_who_never_wins_is_told_so_at_last(store):
    await set_the_scene(store)
    tries = count()

    async def work(transaction):
        next(tries)
        await transaction.save(Changes(new_incidents=[an_incident(guid="b", correlation_key="key")]))

    with pytest.raises(StoreConflict):
        await store.write(work)

    assert 10 == next(tries)
