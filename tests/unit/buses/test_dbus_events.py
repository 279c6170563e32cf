"""Which signal tells an event on D-Bus, and what it carries."""

from __future__ import annotations

import json

import pytest

from axion_bus.buses.dbus.events import signal_of
from axion_bus.buses.dbus.values import plain
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.formats.events import encode
from tests.builders import an_incident
from tests.fakes import NOON

CREATED, CLOSED = IncidentStatus.CREATED, IncidentStatus.CLOSED


def signal(kind, *, status=CREATED, **given):
    closed = {"close_reason": CloseReason.RESOLVED, "closed_at": NOON} if status is CLOSED else {}
    incident = an_incident(guid="g", title="Disk full", status=status, **closed)
    event = Event(**{"kind": kind, "reason": "opened", "by": "ada", "incident": incident, "sequence": 3, **given})
    return signal_of(json.loads(encode(event, event_id="e-1", reference="REF", instance="test", at=NOON)))


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (EventKind.INCIDENT_CREATED, CREATED, ("IncidentCreated", ["g"])),
        (EventKind.INCIDENT_STATUS_CHANGED, CREATED, ("IncidentChanged", ["g", "status-changed"])),
        (EventKind.INCIDENT_SEVERITY_CHANGED, CREATED, ("IncidentChanged", ["g", "severity-changed"])),
        (EventKind.INCIDENT_ASSIGNED, CREATED, ("IncidentChanged", ["g", "assigned"])),
        (EventKind.INCIDENT_NOTE_ADDED, CLOSED, ("IncidentChanged", ["g", "note-added"])),
        (EventKind.INCIDENT_ALERT_LINKED, CREATED, ("IncidentChanged", ["g", "alert-linked"])),
        (EventKind.INCIDENT_REOPENED, CREATED, ("IncidentChanged", ["g", "reopened"])),
        (EventKind.INCIDENT_MERGED, CREATED, ("IncidentChanged", ["g", "merged"])),
        (EventKind.INCIDENT_MERGED, CLOSED, ("IncidentClosed", ["g"])),
        (EventKind.INCIDENT_CLOSED, CLOSED, ("IncidentClosed", ["g"])),
    ],
)
def test_an_event_of_an_incident_is_told_by_its_signal(kind, status, expected):
    told = signal(kind, status=status)

    assert expected == (told.member, told.body[:-1])
    assert ("/org/axion/Bus1", "org.axion.Bus1.Manager") == (told.path, told.interface)


def test_a_signal_carries_the_incident_and_what_happened():
    *_, told = signal(EventKind.INCIDENT_STATUS_CHANGED, old="CREATED", new="INVESTIGATING").body

    incident = {"incident_guid": "g", "title": "Disk full", "status": "CREATED"}
    event = {"event_id": "e-1", "sequence": 3, "reason": "opened", "by": "ada", "old": "CREATED", "new": "INVESTIGATING"}
    assert {**incident, **event}.items() <= plain(told).items()


def test_what_an_incident_does_not_have_is_left_out():
    *_, told = signal(EventKind.INCIDENT_CREATED).body

    assert "closed_at" not in told


@pytest.mark.parametrize(("kind", "status"), [(EventKind.COMMUNICATION_SENT, "SENT"), (EventKind.COMMUNICATION_FAILED, "FAILED")])
def test_what_became_of_a_message_is_told_by_its_reference(kind, status):
    told = signal(kind, new="REF-20260131-A7K")

    assert ("CommunicationRecorded", "sa{sv}", "REF-20260131-A7K") == (told.member, told.signature, told.body[0])
    assert {"status": status, "incident_guid": "g"}.items() <= plain(told.body[1]).items()


@pytest.mark.parametrize("kind", [EventKind.ALERT_RECEIVED, EventKind.ALERT_RESOLVED])
def test_an_alert_is_not_told(kind):
    assert None is signal(kind)
