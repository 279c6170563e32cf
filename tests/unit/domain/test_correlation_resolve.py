"""What a resolve does, and how incidents quieten and close by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.communication import Reason
from axion_bus.domain.incident import CloseReason, IncidentStatus, TimelineEvent, close, move
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


def test_a_resolve_closes_the_open_alert(desk):
    opened = desk.fire()
    desk.now += TEN_MINUTES

    resolved = desk.resolve()

    assert (Reason.RESOLVED, opened.alert.guid) == (resolved.reason, resolved.alert.guid)
    assert (AlertStatus.RESOLVED, desk.now, 1) == (resolved.alert.status, resolved.alert.resolved_at, resolved.alert.count)


def test_when_all_its_alerts_are_resolved_an_incident_is_watched(desk):
    desk.fire()

    resolved = desk.resolve()

    assert ["alert/resolved", "incident/status-changed"] == kinds(resolved)
    assert [2, 3] == [event.sequence for event in resolved.events]
    assert ("CREATED", "MONITORING") == (resolved.events[1].old, resolved.events[1].new)
    assert [TimelineEvent.ALERT_RESOLVED, TimelineEvent.STATUS_CHANGE] == [entry.event for entry in resolved.timeline]
    assert (IncidentStatus.MONITORING, None) == (resolved.incident.status, resolved.incident.auto_close_at)


def test_while_another_of_its_alerts_fires_an_incident_stays_as_it_is(desk):
    desk.fire(source="web-1")
    desk.fire(source="web-2")

    first, last = desk.resolve(source="web-1"), desk.resolve(source="web-2")

    assert (["alert/resolved"], IncidentStatus.CREATED) == (kinds(first), first.incident.status)
    assert (["alert/resolved", "incident/status-changed"], IncidentStatus.MONITORING) == (kinds(last), last.incident.status)


def test_repeats_are_not_counted_among_the_alerts_that_fire(desk):
    for _ in range(3):
        desk.fire()

    assert desk.resolve().incident.status is IncidentStatus.MONITORING


def test_alerts_that_were_stored_before_the_batch_count_among_those_that_fire(desk):
    opened = desk.fire()
    desk.board.firing[opened.incident.guid] = 2

    assert desk.resolve().incident.status is IncidentStatus.CREATED


def test_an_alert_that_was_taken_up_by_another_incident_no_longer_counts_for_its_first_one(desk):
    first = desk.fire()
    desk.put(close(first.incident, CloseReason.FALSE_ALARM, NOON))

    second = desk.fire()

    assert (0, 1) == (desk.board.firing[first.incident.guid], desk.board.firing[second.incident.guid])


def test_watching_what_a_person_watches_already_changes_no_status(desk):
    desk.put(move(desk.fire().incident, IncidentStatus.MONITORING, NOON))

    resolved = desk.resolve()

    assert (["alert/resolved"], IncidentStatus.MONITORING) == (kinds(resolved), resolved.incident.status)


def test_a_resolve_does_not_change_the_severity(desk):
    desk.fire(severity="CRITICAL")

    resolved = desk.resolve(severity="LOW")

    assert (Severity.CRITICAL, Severity.CRITICAL) == (resolved.alert.severity, resolved.incident.severity)


def test_a_resolve_without_an_open_alert_does_nothing(desk):
    desk.fire("API slow")

    nothing = desk.resolve("API down")

    assert (Reason.NOTHING_TO_RESOLVE, None, None, ()) == (nothing.reason, nothing.alert, nothing.incident, nothing.events)


def test_a_second_resolve_does_nothing(desk):
    desk.fire()
    desk.resolve()

    assert desk.resolve().reason is Reason.NOTHING_TO_RESOLVE


def test_a_resolve_of_a_dedup_key_needs_nothing_else(desk):
    opened = desk.fire("API slow", source="web", dedup_key="api")

    resolved = desk.resolve("resolved", source="elsewhere", package="OTHER", dedup_key="api")

    assert (Reason.RESOLVED, opened.alert.guid) == (resolved.reason, resolved.alert.guid)


def test_the_resolve_of_an_alert_that_opened_nothing_tells_of_the_alert_only(desk):
    desk.fire(severity="LOW")

    resolved = desk.resolve(severity="LOW")

    assert (Reason.RESOLVED, None, ["alert/resolved"]) == (resolved.reason, resolved.incident, kinds(resolved))
    assert (None, None, AlertStatus.RESOLVED) == (
        resolved.events[0].incident,
        resolved.events[0].sequence,
        resolved.events[0].alert.status,
    )


def test_the_resolve_of_an_alert_whose_incident_is_closed_leaves_the_incident_closed(desk):
    desk.put(close(desk.fire().incident, CloseReason.RESOLVED, NOON))

    resolved = desk.resolve()

    assert (Reason.RESOLVED, None, ()) == (resolved.reason, resolved.incident, resolved.timeline)


@pytest.mark.parametrize(
    ("fired_at", "resolved_at", "reason"),
    [
        (NOON, NOON - timedelta(seconds=1), Reason.OUT_OF_ORDER),
        (NOON, NOON, Reason.RESOLVED),
        (NOON, NOON + timedelta(seconds=1), Reason.RESOLVED),
        (None, NOON, Reason.RESOLVED),
        (NOON, None, Reason.RESOLVED),
    ],
)
def test_a_resolve_that_happened_before_the_alert_fired_last_is_out_of_order(desk, fired_at, resolved_at, reason):
    opened = desk.fire(occurred_at=fired_at)

    decision = desk.resolve(occurred_at=resolved_at)

    assert reason is decision.reason
    assert opened.incident.guid == decision.incident.guid


def test_a_resolve_out_of_order_leaves_the_alert_open(desk):
    opened = desk.fire(occurred_at=NOON)

    late = desk.resolve(occurred_at=NOON - TEN_MINUTES)

    assert (opened.alert, (), ()) == (late.alert, late.events, late.timeline)
    assert desk.fire().reason is Reason.REPEATED


def test_an_alert_that_fires_again_is_a_new_alert_of_the_same_incident(desk):
    opened = desk.fire()
    desk.resolve()

    again = desk.fire()

    assert (Reason.LINKED, opened.incident.guid, 1) == (again.reason, again.incident.guid, again.alert.count)
    assert opened.alert.guid != again.alert.guid
    assert ["incident/alert-linked", "incident/status-changed"] == kinds(again)
    assert IncidentStatus.INVESTIGATING is again.incident.status


def test_an_incident_that_is_investigated_again_by_itself_was_acknowledged_by_nobody(desk):
    desk.fire()
    desk.resolve()

    assert desk.fire().incident.acknowledged_at is None


def test_an_incident_may_go_back_and_forth(desk):
    statuses = [decision.incident.status for _ in range(3) for decision in (desk.fire(), desk.resolve())]

    assert ["CREATED", *["MONITORING", "INVESTIGATING"] * 2, "MONITORING"] == statuses


def test_the_quiet_time_begins_when_all_alerts_are_resolved():
    desk = a_desk(auto_close_after=TEN_MINUTES)
    assert desk.fire(source="web-1").incident.auto_close_at is None
    desk.fire(source="web-2")

    first, last = desk.resolve(source="web-1"), desk.resolve(source="web-2")

    assert (None, NOON + TEN_MINUTES) == (first.incident.auto_close_at, last.incident.auto_close_at)


def test_an_alert_that_fires_again_ends_the_quiet_time_and_the_next_resolve_begins_it_anew():
    desk = a_desk(auto_close_after=TEN_MINUTES)
    desk.fire()
    desk.resolve()
    desk.now += timedelta(minutes=3)

    again, resolved = desk.fire(), desk.resolve()

    assert (None, NOON + timedelta(minutes=13)) == (again.incident.auto_close_at, resolved.incident.auto_close_at)


def test_what_a_person_watches_has_its_quiet_time_too_once_all_is_resolved():
    desk = a_desk(auto_close_after=TEN_MINUTES)
    desk.put(move(desk.fire().incident, IncidentStatus.MONITORING, NOON))

    assert NOON + TEN_MINUTES == desk.resolve().incident.auto_close_at


def test_the_quiet_time_is_that_of_the_rule_which_opened_the_incident():
    desk = a_desk(match=("severity >= HIGH",), auto_close_after=TEN_MINUTES)
    desk.fire(severity="HIGH")

    resolved = desk.resolve(severity="MEDIUM")

    assert NOON + TEN_MINUTES == resolved.incident.auto_close_at


def test_and_of_the_one_in_its_place_if_that_is_gone(desk):
    desk.rules = (a_rule("old"),)
    desk.fire()
    desk.rules = (a_rule("new", auto_close_after=TEN_MINUTES),)

    assert NOON + TEN_MINUTES == desk.resolve().incident.auto_close_at


def test_what_a_person_opened_is_closed_by_a_person():
    desk = a_desk(auto_close_after=TEN_MINUTES)
    key = desk.rules[0].correlation_key(desk.fire(severity="LOW").alert)
    desk.put(an_incident(rule=None, correlation_key=key))
    desk.fire(severity="LOW")

    resolved = desk.resolve(severity="LOW")

    assert (IncidentStatus.MONITORING, None) == (resolved.incident.status, resolved.incident.auto_close_at)


@pytest.mark.parametrize("condition", ["severity >= HIGH", "status = firing", "description =~ .+"])
def test_the_resolve_of_an_alert_finds_it_though_it_matches_another_rule(condition):
    desk = a_desk(match=(condition,), group_by=("labels.host",))
    opened = desk.fire(severity="HIGH", description="slow", labels={"host": "a"})
    other = desk.fire(severity="HIGH", description="slow", labels={"host": "b"})

    resolved = desk.resolve(severity="MEDIUM", labels={"host": "a"})

    assert (Reason.RESOLVED, opened.alert.guid) == (resolved.reason, resolved.alert.guid)
    assert opened.alert.guid != other.alert.guid
