"""What a transaction finds, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.domain.noise import Silence
from axion_bus.domain.rules import parse_matcher
from axion_bus.errors import StoreConflict
from axion_bus.ports import Changes, Met, Sought
from tests.builders import an_incident
from tests.contract.store.scenes import a_message, a_record, look, open_alerts, save
from tests.fakes import NOON

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


def resolved(name, **given):
    return a_record(name, status=AlertStatus.RESOLVED, resolved_at=NOON, **given)


def closed(guid, at=NOON, **given):
    given = {"close_reason": CloseReason.RESOLVED, **given}
    return an_incident(guid=guid, status=IncidentStatus.CLOSED, closed_at=at, **given)


async def read(store, method, *arguments):
    """What the transaction's ``method`` finds."""
    return await store.write(lambda transaction: getattr(transaction, method)(*arguments))


def guids(found):
    return sorted(each.guid for each in found)


@pytest.mark.parametrize("method", ["accepted", "alerts_by_guid", "taken_alert_guids", "incidents_by_guid", "firing"])
async def test_who_asks_for_nothing_gets_nothing(store, method):
    await save(store, new_alerts=[a_record()], new_incidents=[an_incident()], communications=[a_message(ingest_key="a")])

    assert [] == list(await read(store, method, []))


async def test_a_communication_is_known_by_its_guid(store):
    await save(store, communications=[a_message(guid="there")])

    found = [await read(store, "has_communication", guid) for guid in ("there", "THERE", "not there")]

    assert [True, False, False] == found


async def test_the_accepted_keys_are_those_with_a_row_each_with_its_alert(store):
    rows = [a_message(ingest_key="a", alert_guid="alert-a"), a_message(ingest_key="b"), a_message(ingest_key="d"), a_message()]
    await save(store, communications=rows)

    assert {"a": "alert-a", "b": None} == await read(store, "accepted", ["a", "b", "c"])


async def test_open_alerts_are_the_firing_ones_with_these_fingerprints(store):
    fires = a_record("a")
    await save(store, new_alerts=[fires, a_record("b"), resolved("c")])
    await save(store, new_alerts=[resolved("older", fingerprint=fires.fingerprint)])

    found = await store.write(lambda transaction: open_alerts(transaction, ["fingerprint-a", "fingerprint-c", "fingerprint-d"]))

    assert [fires] == list(found)


async def test_a_guid_is_taken_by_an_alert_whether_it_is_open_or_not(store):
    await save(store, new_alerts=[a_record("a"), resolved("b"), a_record("c")])

    assert frozenset({"alert-a", "alert-b"}) == await read(store, "taken_alert_guids", ["alert-a", "alert-b", "alert-x"])


async def test_incidents_of_a_key_are_the_open_one(store):
    wanted = an_incident(guid="open", correlation_key="a")
    await save(store, new_incidents=[wanted, an_incident(guid="other", correlation_key="b"), an_incident(guid="no key")])
    await save(store, new_incidents=[closed("closed", correlation_key="a"), closed("closed too", correlation_key="c")])

    assert [wanted] == list(await read(store, "incidents_by_key", ["a", "c"], None))


async def test_incidents_of_a_key_are_also_those_closed_since(store):
    at = {"before": NOON - HOUR - timedelta(microseconds=1), "just": NOON - HOUR, "later": NOON}
    await save(store, new_incidents=[closed(guid, when, correlation_key="a") for guid, when in at.items()])
    await save(store, new_incidents=[an_incident(guid="open", correlation_key="a"), closed("other", correlation_key="b")])

    found = await read(store, "incidents_by_key", ["a"], NOON - HOUR)

    assert ["just", "later", "open"] == guids(found)


async def test_incidents_are_found_by_guid_whether_they_are_open_or_not(store):
    await save(store, new_incidents=[an_incident(guid="a"), closed("b"), an_incident(guid="c")])

    assert ["a", "b"] == guids(await read(store, "incidents_by_guid", ["a", "b", "x"]))


async def test_incidents_to_close_are_those_whose_quiet_time_is_over_the_longest_first(store):
    quiet = {"now": NOON, "long": NOON - HOUR, "not yet": NOON + timedelta(microseconds=1), "longest": NOON - 2 * HOUR}
    watched = [an_incident(guid=guid, status=IncidentStatus.MONITORING, auto_close_at=at) for guid, at in quiet.items()]
    others = [
        an_incident(guid="not watched", status=IncidentStatus.INVESTIGATING, auto_close_at=NOON),
        an_incident(guid="no quiet time", status=IncidentStatus.MONITORING),
        closed("closed", auto_close_at=NOON),
    ]
    await save(store, new_incidents=watched + others)

    found = [each.guid for each in await read(store, "incidents_to_close", NOON, 10)]
    first = [each.guid for each in await read(store, "incidents_to_close", NOON, 2)]

    assert (["longest", "long", "now"], ["longest", "long"]) == (found, first)


async def test_firing_counts_the_firing_alerts_of_each_incident(store):
    await save(
        store,
        new_alerts=[
            a_record("a", incident_guid="one"),
            a_record("b", incident_guid="one"),
            resolved("c", incident_guid="one"),
            resolved("d", incident_guid="none"),
            a_record("e", incident_guid="other"),
            a_record("f"),
        ],
    )

    assert {"one": 2} == dict(await read(store, "firing", ["one", "none"]))


async def test_a_transaction_sees_what_it_has_written(store):
    async def work(transaction):
        record = a_record(incident_guid="incident-1")
        await transaction.save(Changes(new_alerts=[record]))
        await transaction.save(Changes(changed_alerts=[replace(record, count=2)]))
        return await open_alerts(transaction, [record.fingerprint])

    (found,) = await store.write(work)

    assert 2 == found.count


async def test_all_that_alerts_meet_comes_at_once(store):
    merged = closed("merged", correlation_key="m", close_reason=CloseReason.MERGED, merged_into="target")
    target = an_incident(guid="target", correlation_key="t")
    lately, long_ago = closed("lately", correlation_key="c"), closed("long-ago", NOON - MOMENT, correlation_key="c")
    still_open = an_incident(guid="open", correlation_key="k")
    silence = Silence(
        guid="s", matchers=(parse_matcher("package = WEBAPI"),), starts_at=NOON, ends_at=NOON + MOMENT, created_at=NOON
    )
    changes = Changes(
        new_alerts=[a_record("a"), resolved("b"), a_record("c")],
        new_incidents=[target, merged, lately, long_ago, still_open],
        communications=[a_message(ingest_key="i", alert_guid="alert-a"), a_message(ingest_key="j")],
        silences=[silence],
    )
    await store.write(lambda transaction: transaction.save(changes))
    keys = {"keys": ["k", "c", "m", "unknown"], "ingest_keys": ["i", "unknown"], "closed_since": NOON}

    met = await store.write(
        lambda transaction: transaction.meet(Sought(ends_after=NOON, fingerprints=["fingerprint-a", "fingerprint-b"], **keys))
    )

    assert (["alert-a"], ["lately", "merged", "open"]) == (guids(met.alerts), guids(met.incidents))
    assert ({"m": "target"}, {"i": "alert-a"}, ["s"]) == (met.merged, met.accepted, guids(met.silences))


async def test_nothing_is_met_by_nothing(store):
    await save(store, new_alerts=[a_record()], new_incidents=[an_incident()], communications=[a_message(ingest_key="a")])

    met = await store.write(lambda transaction: transaction.meet(Sought(ends_after=NOON)))

    assert Met() == met


async def test_what_is_met_is_locked(mariadb_store):
    await save(mariadb_store, new_alerts=[a_record("a")], new_incidents=[an_incident(guid="open", correlation_key="k")])

    async def work(transaction):
        await transaction.meet(
            Sought(ends_after=NOON, fingerprints=["fingerprint-a"], keys=["k"], ingest_keys=["i"], closed_since=NOON)
        )
        for table in ("data_alert", "data_incident"):
            with pytest.raises(StoreConflict):
                await look(mariadb_store, f"SELECT 1 FROM {table} FOR UPDATE NOWAIT")
        return True

    assert await mariadb_store.write(work)


async def test_what_one_store_committed_another_sees(store, other_store):
    await save(store, new_alerts=[a_record()])

    assert ["alert-a"] == guids(await other_store.write(lambda transaction: open_alerts(transaction, ["fingerprint-a"])))


async def test_what_was_committed_since_a_transaction_began_is_seen_in_it(mariadb_store):
    """READ COMMITTED: else the loser of a race would never find the row that it lost to."""

    async def work(transaction):
        before = await transaction.accepted(["a"])
        await save(mariadb_store, communications=[a_message(ingest_key="a")])
        return before, await transaction.accepted(["a"])

    assert ({}, {"a": None}) == await mariadb_store.write(work)


async def test_many_keys_are_looked_up_at_once(store):
    records = [a_record(str(number)) for number in range(3000)]
    await save(store, new_alerts=records, communications=[a_message(ingest_key=str(number)) for number in range(3000)])

    found = await store.write(lambda transaction: open_alerts(transaction, [record.fingerprint for record in records]))
    accepted = await read(store, "accepted", [str(number) for number in range(3000)])

    assert (3000, 3000) == (len(found), len(accepted))
