"""Events as PENDING rows: due at once, in order, each with its guid, reference and topic."""

from __future__ import annotations

import json

import pytest

from axion_bus.domain.communication import Channel, CommunicationStatus, Direction
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.identity import BusReferences, Guids
from axion_bus.pipeline.outbox import Outbox
from tests.builders import Desk
from tests.fakes import NOON


def test_an_event_becomes_a_row_that_is_due_at_once(outbox):
    opened = Desk().fire()

    [row] = outbox.rows(opened.events, NOON)

    assert (Direction.OUTBOUND, CommunicationStatus.PENDING, Channel.MQTT) == (row.direction, row.status, row.channel)
    assert (NOON, NOON, "axion/events/incident/created") == (row.next_attempt_at, row.timestamp, row.recipient)
    assert (opened.incident.guid, opened.alert.guid, 1) == (row.incident_guid, row.alert_guid, row.sequence)
    assert {"reason": "opened"} == row.metadata


def test_the_guid_of_the_row_is_the_id_of_the_event(outbox):
    [row] = outbox.rows(Desk().fire().events, NOON)

    event = json.loads(row.message)
    assert (row.guid, row.short_ref) == (event["id"], event["data"]["reference"])
    assert ("/axion-bus/test", "1") == (event["source"], event["sequence"])


def test_rows_rise_in_the_order_of_their_events(outbox):
    desk = Desk()
    desk.fire(severity="HIGH")

    rows = outbox.rows(desk.fire(source="web-2", severity="CRITICAL").events, NOON)

    assert [2, 3] == [row.sequence for row in rows]
    assert (rows[0].guid, rows[0].short_ref) < (rows[1].guid, rows[1].short_ref)


def test_an_event_that_concerns_no_incident_has_no_sequence(outbox):
    [row] = outbox.rows([Event(kind=EventKind.ALERT_RECEIVED, reason="below_create_at", by="axion-bus")], NOON)

    assert (None, None, "axion/events/alert/received") == (row.incident_guid, row.sequence, row.recipient)


@pytest.fixture
def two_buses():
    return Outbox(
        instance="test", base_topic="axion", new_guid=Guids(bytes), new_reference=BusReferences(), dbus_path="/org/axion/Bus1"
    )


def test_where_there_are_two_buses_an_event_has_a_row_for_each(two_buses):
    rows = two_buses.rows(Desk().fire().events, NOON)

    assert [(Channel.MQTT, "axion/events/incident/created", 1), (Channel.DBUS, "/org/axion/Bus1", 1)] == [
        (row.channel, row.recipient, row.sequence) for row in rows
    ]
    assert [row.guid for row in rows] == [json.loads(row.message)["id"] for row in rows]
    assert 2 == len({row.guid for row in rows}) == len({row.short_ref for row in rows})


def test_alerts_are_not_told_on_dbus(two_buses):
    rows = two_buses.rows([Event(kind=EventKind.ALERT_RECEIVED, reason="below_create_at", by="axion-bus")], NOON)

    assert [Channel.MQTT] == [row.channel for row in rows]
