"""When a closed incident is opened again by its alerts, and when a new one is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.communication import Reason
from axion_bus.domain.incident import CloseReason, IncidentStatus, close
from axion_bus.domain.rules import default_rule
from tests.builders import Desk, a_rule, an_incident
from tests.fakes import NOON

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def desk():
    return Desk()


def kinds(decision):
    return [event.kind.value for event in decision.events]


def a_desk(**rule):
    return Desk(rules=(a_rule(**rule), default_rule()))


def closed_after_firing(desk, reason=CloseReason.RESOLVED):
    desk.fire()
    incident = close(desk.resolve().incident, reason, NOON)
    desk.put(incident)
    return incident


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (timedelta(0), Reason.REOPENED),
        (TEN_MINUTES, Reason.REOPENED),
        (TEN_MINUTES + timedelta(microseconds=1), Reason.OPENED),
    ],
)
def test_an_incident_is_reopened_within_its_time_and_not_after(after, reason):
    desk = a_desk(reopen_within=TEN_MINUTES)
    closed_after_firing(desk)
    desk.now += after

    assert reason is desk.fire().reason


def test_a_reopened_incident_goes_on_with_its_numbers():
    desk = a_desk(reopen_within=TEN_MINUTES)
    before = closed_after_firing(desk)

    again = desk.fire(severity="CRITICAL")

    assert ["incident/reopened", "incident/alert-linked", "incident/severity-changed"] == kinds(again)
    assert (before.guid, IncidentStatus.INVESTIGATING) == (again.incident.guid, again.incident.status)
    assert [before.sequence + step for step in (1, 2, 3)] == [event.sequence for event in again.events]
    assert (before.version + 1, None, None) == (again.incident.version, again.incident.closed_at, again.incident.close_reason)
    assert ("CLOSED", "INVESTIGATING") == (again.events[0].old, again.events[0].new)


def test_a_repeat_reopens_what_a_person_closed_too_early_without_linking_again():
    desk = a_desk(reopen_within=TEN_MINUTES)
    opened = desk.fire()
    desk.put(close(opened.incident, CloseReason.RESOLVED, NOON))

    again = desk.fire()

    assert (Reason.REOPENED, False, ["incident/reopened"]) == (again.reason, again.link, kinds(again))
    assert (opened.alert.guid, 2) == (again.alert.guid, again.alert.count)


def test_without_reopen_within_a_new_incident_is_opened(desk):
    closed = closed_after_firing(desk)

    again = desk.fire()

    assert (Reason.OPENED, True) == (again.reason, closed.guid != again.incident.guid)


def test_an_alert_below_create_at_reopens_nothing():
    desk = a_desk(reopen_within=TEN_MINUTES)
    closed_after_firing(desk)

    assert (Reason.BELOW_CREATE_AT, None) == ((low := desk.fire(severity="LOW")).reason, low.incident)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (CloseReason.RESOLVED, Reason.REOPENED),
        (CloseReason.AUTO, Reason.REOPENED),
        (CloseReason.MERGED, Reason.OPENED),
        (CloseReason.DUPLICATE, Reason.OPENED),
        (CloseReason.FALSE_ALARM, Reason.OPENED),
    ],
)
def test_only_what_seemed_solved_is_reopened(reason, expected):
    desk = a_desk(reopen_within=TEN_MINUTES)
    closed_after_firing(desk, reason)

    assert expected is desk.fire().reason


def test_of_several_closed_incidents_the_last_one_is_reopened():
    desk = a_desk(reopen_within=TEN_MINUTES)
    key = closed_after_firing(desk).correlation_key
    for number in (3, 5, 4):
        closed_at = NOON + timedelta(minutes=number)
        desk.put(close(an_incident(guid=f"closed-{number}", rule="web", correlation_key=key), CloseReason.AUTO, closed_at))
    desk.now += TEN_MINUTES

    assert desk.fire().incident.guid == "closed-5"


def test_the_open_incident_of_a_key_comes_before_any_closed_one():
    desk = a_desk(reopen_within=TEN_MINUTES)
    key = closed_after_firing(desk).correlation_key
    desk.put(an_incident(guid="open", rule="web", correlation_key=key))
    desk.put(close(an_incident(guid="closed", rule="web", correlation_key=key), CloseReason.AUTO, NOON + TEN_MINUTES))

    assert (Reason.LINKED, "open") == ((linked := desk.fire()).reason, linked.incident.guid)
