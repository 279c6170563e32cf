"""Telling of changes: each step has an event and a timeline row, numbered without a gap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.changes import Step, tell
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import TimelineEvent
from tests.builders import an_incident
from tests.fakes import NOON

LATER = NOON + timedelta(minutes=5)
RAISED = Step(EventKind.INCIDENT_SEVERITY_CHANGED, "Severity changed from LOW to HIGH", "LOW", "HIGH")
MOVED = Step(EventKind.INCIDENT_STATUS_CHANGED, "Status changed from MONITORING to INVESTIGATING", "MONITORING", "INVESTIGATING")


def test_events_are_numbered_on_from_the_last_one():
    told = tell(an_incident(sequence=4), [RAISED, MOVED], reason="linked", now=LATER)

    assert [5, 6] == [event.sequence for event in told.events]
    assert told.incident.sequence == 6


def test_the_steps_of_one_change_are_one_version():
    told = tell(an_incident(version=4), [RAISED, MOVED], reason="linked", now=LATER)

    assert (5, LATER) == (told.incident.version, told.incident.updated_at)


def test_every_event_shows_the_incident_as_it_is_after_the_whole_change():
    told = tell(an_incident(), [RAISED, MOVED], reason="linked", now=LATER)

    assert {told.incident} == {event.incident for event in told.events}


def test_an_event_has_its_change_its_reason_and_who_caused_it():
    told = tell(an_incident(), [RAISED], reason="linked", now=LATER, by="ann")

    event = told.events[0]
    assert ("incident/severity-changed", "LOW", "HIGH") == (event.kind, event.old, event.new)
    assert ("linked", "ann", "ann") == (event.reason, event.by, told.timeline[0].by)


def test_what_the_daemon_does_by_itself_bears_its_name():
    told = tell(an_incident(), [RAISED], reason="linked", now=LATER)

    assert ["axion-bus"] == [event.by for event in told.events] == [entry.by for entry in told.timeline]


def test_every_step_is_a_row_of_the_timeline_in_the_same_order():
    told = tell(an_incident(guid="one"), [RAISED, MOVED], reason="linked", now=LATER)

    assert [TimelineEvent.SEVERITY_CHANGE, TimelineEvent.STATUS_CHANGE] == [entry.event for entry in told.timeline]
    assert [RAISED.text, MOVED.text] == [entry.description for entry in told.timeline]
    assert {("one", LATER)} == {(entry.incident_guid, entry.at) for entry in told.timeline}


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.ALERT_RECEIVED])
def test_every_kind_of_event_about_an_incident_has_its_kind_of_timeline_row(kind):
    told = tell(an_incident(), [Step(kind, "text")], reason="linked", now=LATER)

    assert len(told.timeline) == 1
