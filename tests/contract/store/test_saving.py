"""What ``save`` writes: whole, in order, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.communication import CommunicationStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus, TimelineEntry, TimelineEvent
from axion_bus.errors import StoreConflict
from axion_bus.ports import Changes, Link
from tests.builders import an_incident
from tests.contract.store.scenes import a_message, a_record, an_event, look, save
from tests.fakes import NOON


def entry(text, incident_guid="incident-1", event=TimelineEvent.CREATED):
    return TimelineEntry(incident_guid=incident_guid, event=event, description=text, by="axion-bus", at=NOON)


async def test_nothing_to_save_is_nothing_written(store):
    await save(store)

    assert [(0,)] == await look(store, "SELECT COUNT(*) FROM data_alert")


async def test_only_the_changed_alerts_change(store):
    records = [a_record(name) for name in "abc"]
    await save(store, new_alerts=records)
    changed = [replace(records[0], count=2), replace(records[2], count=3, severity=Severity.LOW)]

    await save(store, changed_alerts=changed)

    rows = await look(store, "SELECT AlertGuid, Count, Severity FROM data_alert ORDER BY AlertGuid")
    assert [("alert-a", 2, "HIGH"), ("alert-b", 1, "HIGH"), ("alert-c", 3, "LOW")] == rows


async def test_what_an_alert_was_when_it_was_first_seen_never_changes(store):
    record = a_record()
    await save(store, new_alerts=[record])

    await save(store, changed_alerts=[replace(record, title="another", source="x", first_seen_at=NOON + timedelta(hours=1))])

    ((title, source, first),) = await look(store, "SELECT Title, Source, CAST(FirstSeenAt AS CHAR) FROM data_alert")
    assert ("API slow", "web", "2026-01-31 12:00:00.000000") == (title, source, first)


async def test_only_the_changed_incidents_change(store):
    incidents = [an_incident(guid=guid) for guid in "abc"]
    await save(store, new_incidents=incidents)
    changed = [replace(each, status=IncidentStatus.MONITORING, version=2) for each in (incidents[2], incidents[0])]

    await save(store, changed_incidents=changed)

    rows = await look(store, "SELECT IncidentGuid, Status, Version FROM data_incident ORDER BY IncidentGuid")
    assert [("a", "MONITORING", 2), ("b", "CREATED", 1), ("c", "MONITORING", 2)] == rows


async def test_a_closed_alert_makes_room_for_a_new_one_of_its_fingerprint_in_the_same_save(store):
    first = a_record("first", fingerprint="f")
    await save(store, new_alerts=[first])
    closed = replace(first, status=AlertStatus.RESOLVED, resolved_at=NOON)

    await save(store, changed_alerts=[closed], new_alerts=[a_record("second", fingerprint="f")])

    rows = await look(store, "SELECT AlertGuid, Status FROM data_alert ORDER BY AlertGuid")
    assert [("alert-first", "RESOLVED"), ("alert-second", "FIRING")] == rows


async def test_a_closed_incident_makes_room_for_a_new_one_of_its_key_in_the_same_save(store):
    first = an_incident(guid="first", correlation_key="k")
    await save(store, new_incidents=[first])
    closed = replace(first, status=IncidentStatus.CLOSED, closed_at=NOON, close_reason=CloseReason.RESOLVED)

    await save(store, changed_incidents=[closed], new_incidents=[an_incident(guid="second", correlation_key="k")])

    rows = await look(store, "SELECT IncidentGuid, Status FROM data_incident ORDER BY IncidentGuid")
    assert [("first", "CLOSED"), ("second", "CREATED")] == rows


async def test_a_link_that_is_there_already_stays_as_it_is(store):
    await save(store, new_incidents=[an_incident()], links=[Link("incident-1", "a", NOON)])

    await save(store, links=[Link("incident-1", "a", NOON + timedelta(hours=1)), Link("incident-1", "b", NOON)])

    rows = await look(store, "SELECT AlertGuid, CAST(LinkedAt AS CHAR) FROM data_incident_alert ORDER BY AlertGuid")
    assert [("a", "2026-01-31 12:00:00.000000"), ("b", "2026-01-31 12:00:00.000000")] == rows


async def test_a_timeline_keeps_the_order_in_which_it_was_told(store):
    texts = ["first", "second", "third", "a", "z", "m"]
    await save(store, new_incidents=[an_incident()], timeline=[entry(text) for text in texts[:3]])
    await save(store, timeline=[entry(text, event=TimelineEvent.CLOSED) for text in texts[3:]])

    rows = await look(store, "SELECT Description, EventType, CreatedBy FROM data_incident_timeline ORDER BY TimelineId")

    kinds = ["CREATED"] * 3 + ["CLOSED"] * 3
    assert [(text, kind, "axion-bus") for text, kind in zip(texts, kinds, strict=True)] == rows


@pytest.mark.parametrize("many", [99, 100, 101, 250])
async def test_however_many_rows_there_are_each_is_written_once_and_in_order(store, many):
    texts = [f"step {number}" for number in range(many)]

    await save(store, new_incidents=[an_incident()], timeline=[entry(text) for text in texts])

    rows = await look(store, "SELECT Description FROM data_incident_timeline ORDER BY TimelineId")
    assert [(text,) for text in texts] == rows


async def test_messages_and_events_are_saved_together(store):
    rows = [a_message(), an_event(), a_message(status=CommunicationStatus.FAILED), an_event(sequence=2)]

    await save(store, new_incidents=[an_incident()], communications=rows)

    query = "SELECT CommunicationGuid, Direction, Status, Sequence FROM data_incident_communication ORDER BY CommunicationGuid"
    expected = sorted((row.guid, row.direction.value, row.status.value, row.sequence) for row in rows)
    assert expected == await look(store, query)


async def test_a_message_is_never_due(store):
    await save(store, new_incidents=[an_incident()], communications=[a_message(), an_event()])

    due = "SELECT Direction, Attempts FROM data_incident_communication WHERE NextAttemptAt IS NOT NULL"
    assert [("OUTBOUND", 0)] == await look(store, due)


async def test_all_is_written_or_nothing(store):
    taken = a_message()
    await save(store, communications=[taken])
    changes = Changes(
        new_alerts=[a_record()],
        new_incidents=[an_incident()],
        links=[Link("incident-1", "alert-a", NOON)],
        timeline=[entry("created")],
        communications=[a_message(), replace(taken, guid="another")],
    )

    with pytest.raises(StoreConflict):
        await store.write(lambda transaction: transaction.save(changes))

    tables = "data_alert", "data_incident", "data_incident_alert", "data_incident_timeline", "data_incident_communication"
    assert [0, 0, 0, 0, 1] == [(await look(store, f"SELECT COUNT(*) FROM {table}"))[0][0] for table in tables]


async def test_deleting_an_incident_keeps_what_was_said_about_it(store):
    await save(store, new_incidents=[an_incident()], communications=[an_event()], timeline=[entry("created")])

    async def delete(transaction):
        await transaction.connection.exec_driver_sql("DELETE FROM data_incident")

    await store.write(delete)

    assert [(None,)] == await look(store, "SELECT IncidentGuid FROM data_incident_communication")
    assert [] == await look(store, "SELECT 1 FROM data_incident_timeline")
