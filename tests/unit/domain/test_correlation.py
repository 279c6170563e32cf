"""What a firing alert does: it opens, links, repeats, gets worse, or is only noted. One reason for each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.communication import Reason
from axion_bus.domain.correlation import candidate, decide
from axion_bus.domain.incident import IncidentStatus, TimelineEvent, close, move
from axion_bus.domain.rules import default_rule
from tests.builders import Desk, a_rule, an_alert
from tests.fakes import NOON


@pytest.fixture
def desk():
    return Desk()


def kinds(decision):
    return [event.kind.value for event in decision.events]


def test_a_severe_alert_opens_an_incident(desk):
    opened = desk.fire("API slow", description="p95 is 5 s")

    assert opened.reason is Reason.OPENED
    assert (IncidentStatus.CREATED, Severity.HIGH, "API slow") == (
        opened.incident.status,
        opened.incident.severity,
        opened.incident.title,
    )
    assert ("WEBAPI", "p95 is 5 s", "default") == (opened.incident.package, opened.incident.description, opened.incident.rule)


def test_opening_is_the_first_version_and_the_first_event(desk):
    opened = desk.fire()

    assert (1, 1) == (opened.incident.version, opened.incident.sequence)
    assert ["incident/created"] == kinds(opened)
    assert [1] == [event.sequence for event in opened.events]


def test_opening_links_the_alert_and_the_timeline_tells_both(desk):
    opened = desk.fire()

    assert opened.link
    assert opened.incident.guid == opened.alert.incident_guid
    assert [TimelineEvent.CREATED, TimelineEvent.ALERT_LINKED] == [entry.event for entry in opened.timeline]


def test_a_new_alert_is_counted_once_from_now(desk):
    alert = desk.fire(occurred_at=NOON - timedelta(minutes=1)).alert

    assert (1, NOON, NOON) == (alert.count, alert.first_seen_at, alert.last_seen_at)
    assert NOON - timedelta(minutes=1) == alert.occurred_at


def test_an_alert_keeps_the_guid_that_its_publisher_gave(desk):
    assert desk.fire(alert_guid="given").alert.guid == "given"


@pytest.mark.parametrize("is_taken_by", ["a_stored_alert", "an_alert_of_the_batch"])
def test_a_given_guid_that_is_taken_is_replaced(desk, is_taken_by):
    if is_taken_by == "a_stored_alert":
        desk.board.taken.add("given")
    else:
        desk.fire("another", alert_guid="given")

    assert desk.fire(alert_guid="given").alert.guid.startswith("guid-")


def test_a_second_alert_of_the_same_key_is_linked(desk):
    opened = desk.fire(source="web-1")

    linked = desk.fire(source="web-2")

    assert (Reason.LINKED, True) == (linked.reason, linked.link)
    assert ["incident/alert-linked"] == kinds(linked)
    assert (opened.incident.guid, 2, 2) == (linked.incident.guid, linked.incident.version, linked.incident.sequence)
    assert opened.incident.guid == linked.alert.incident_guid
    assert opened.alert.guid != linked.alert.guid


def test_an_alert_of_another_key_opens_an_incident_of_its_own(desk):
    assert desk.fire("API slow").incident.guid != desk.fire("API down").incident.guid


def test_a_repeat_is_counted_and_tells_nobody(desk):
    opened = desk.fire()
    desk.now += timedelta(minutes=1)

    repeated = desk.fire()

    assert repeated.reason is Reason.REPEATED
    assert (2, NOON, desk.now) == (repeated.alert.count, repeated.alert.first_seen_at, repeated.alert.last_seen_at)
    assert ((), (), False, opened.incident) == (repeated.events, repeated.timeline, repeated.link, repeated.incident)


def test_a_repeat_remembers_the_latest_time_that_the_publisher_gave(desk):
    times = [NOON - timedelta(minutes=2), None, NOON, NOON - timedelta(minutes=1)]

    remembered = [desk.fire(occurred_at=time).alert.occurred_at for time in times]

    assert [times[0], times[0], NOON, NOON] == remembered


def test_an_alert_that_gets_worse_raises_its_incident(desk):
    desk.fire(severity="HIGH")

    worse = desk.fire(severity="CRITICAL")

    assert (Reason.SEVERITY_CHANGED, ["incident/severity-changed"]) == (worse.reason, kinds(worse))
    assert (Severity.CRITICAL, Severity.CRITICAL) == (worse.alert.severity, worse.incident.severity)
    assert ("HIGH", "CRITICAL") == (worse.events[0].old, worse.events[0].new)
    assert worse.alert.count == 2


def test_an_alert_that_gets_better_leaves_its_incident_as_severe_as_it_was(desk):
    desk.fire(severity="CRITICAL")

    better = desk.fire(severity="LOW")

    assert (Reason.SEVERITY_CHANGED, ()) == (better.reason, better.events)
    assert (Severity.LOW, Severity.CRITICAL) == (better.alert.severity, better.incident.severity)


def test_an_alert_that_gets_worse_below_its_incidents_severity_is_noted_only(desk):
    desk.fire(source="web-1", severity="CRITICAL")
    desk.fire(source="web-2", severity="LOW")

    worse = desk.fire(source="web-2", severity="HIGH")

    assert (Reason.SEVERITY_CHANGED, ()) == (worse.reason, worse.events)


def test_a_repeat_does_not_raise_what_a_person_has_lowered(desk):
    desk.put(replace(desk.fire().incident, severity=Severity.LOW))

    repeated = desk.fire()

    assert (Reason.REPEATED, Severity.LOW) == (repeated.reason, repeated.incident.severity)


def test_a_linked_alert_that_is_worse_raises_the_incident(desk):
    desk.fire(source="web-1", severity="HIGH")

    linked = desk.fire(source="web-2", severity="CRITICAL")

    assert (Reason.LINKED, ["incident/alert-linked", "incident/severity-changed"]) == (linked.reason, kinds(linked))
    assert [2, 3] == [event.sequence for event in linked.events]
    assert (Severity.CRITICAL, 2, 3) == (linked.incident.severity, linked.incident.version, linked.incident.sequence)


def test_an_alert_below_create_at_opens_nothing(desk):
    noted = desk.fire(severity="MEDIUM")

    assert (Reason.BELOW_CREATE_AT, None, ()) == (noted.reason, noted.incident, noted.events)
    assert (AlertStatus.FIRING, None) == (noted.alert.status, noted.alert.incident_guid)


def test_an_alert_below_create_at_is_linked_to_the_open_incident_of_its_key(desk):
    opened = desk.fire(source="web-1", severity="HIGH")

    linked = desk.fire(source="web-2", severity="LOW")

    assert (Reason.LINKED, opened.incident.guid) == (linked.reason, linked.incident.guid)
    assert linked.incident.severity is Severity.HIGH


@pytest.mark.parametrize(("severity", "reason"), [("MEDIUM", Reason.REPEATED), ("LOW", Reason.SEVERITY_CHANGED)])
def test_a_repeat_below_create_at_opens_nothing_either(desk, severity, reason):
    desk.fire(severity="MEDIUM")

    again = desk.fire(severity=severity)

    assert (reason, None, 2, ()) == (again.reason, again.incident, again.alert.count, again.events)


def test_an_alert_that_rises_above_create_at_opens_an_incident_and_stays_the_same_alert(desk):
    low = desk.fire(severity="LOW")

    opened = desk.fire(severity="CRITICAL")

    assert (Reason.OPENED, ["incident/created"], True) == (opened.reason, kinds(opened), opened.link)
    assert (low.alert.guid, 2) == (opened.alert.guid, opened.alert.count)
    assert opened.incident.severity is Severity.CRITICAL


def test_an_open_alert_without_an_incident_is_linked_by_its_next_repeat(desk):
    low = desk.fire(source="web-1", severity="LOW")
    opened = desk.fire(source="web-2", severity="HIGH")

    linked = desk.fire(source="web-1", severity="LOW")

    assert (Reason.LINKED, low.alert.guid, 2) == (linked.reason, linked.alert.guid, linked.alert.count)
    assert opened.incident.guid == linked.alert.incident_guid


def test_a_dedup_key_makes_one_alert_of_many_sources(desk):
    opened = desk.fire("API slow", source="web-1", dedup_key="api")

    repeated = desk.fire("API is slow", source="web-2", dedup_key="api")

    assert (Reason.REPEATED, opened.alert.guid, 2) == (repeated.reason, repeated.alert.guid, repeated.alert.count)


def test_an_alert_with_ten_thousand_labels_is_like_any_other(desk):
    labels = {f"label-{number}": "x" * 100 for number in range(10_000)}
    desk.fire(labels=labels)

    repeated = desk.fire(labels=labels)

    assert (Reason.REPEATED, labels) == (repeated.reason, repeated.alert.labels)


def test_an_alert_that_matches_another_rule_when_it_gets_worse_is_the_same_alert_and_stays_with_its_incident():
    worst = a_rule("worst", ("severity = CRITICAL",), ("labels.host",))
    desk = Desk(rules=(worst, default_rule()))
    opened = desk.fire(severity="HIGH", labels={"host": "a"})

    worse = desk.fire(severity="CRITICAL", labels={"host": "a"})

    assert (Reason.SEVERITY_CHANGED, opened.alert.guid) == (worse.reason, worse.alert.guid)
    assert opened.incident.guid == worse.incident.guid


def test_after_a_change_of_the_rules_an_open_alert_stays_with_its_incident(desk):
    opened = desk.fire()
    desk.rules = (a_rule("new", group_by=("package",)), default_rule())

    repeated = desk.fire()

    assert (Reason.REPEATED, opened.incident.guid) == (repeated.reason, repeated.incident.guid)


def test_a_new_alert_moves_a_watched_incident_back_to_investigating(desk):
    incident = desk.fire(source="web-1").incident
    desk.put(replace(move(incident, IncidentStatus.MONITORING, NOON), auto_close_at=NOON + timedelta(minutes=10)))

    linked = desk.fire(source="web-2")

    assert ["incident/alert-linked", "incident/status-changed"] == kinds(linked)
    assert ("MONITORING", "INVESTIGATING") == (linked.events[1].old, linked.events[1].new)
    assert (IncidentStatus.INVESTIGATING, None) == (linked.incident.status, linked.incident.auto_close_at)


def test_a_repeat_of_an_alert_that_never_stopped_leaves_alone_what_a_person_watches(desk):
    incident = desk.fire().incident
    desk.put(move(incident, IncidentStatus.MONITORING, NOON))

    repeated = desk.fire()

    assert (Reason.REPEATED, IncidentStatus.MONITORING, ()) == (repeated.reason, repeated.incident.status, repeated.events)


def test_and_so_does_one_that_gets_worse_but_for_the_severity(desk):
    incident = desk.fire(severity="HIGH").incident
    desk.put(move(incident, IncidentStatus.MONITORING, NOON))

    worse = desk.fire(severity="CRITICAL")

    assert (IncidentStatus.MONITORING, ["incident/severity-changed"]) == (worse.incident.status, kinds(worse))


@pytest.mark.parametrize("reason", ["RESOLVED", "FALSE_ALARM", "DUPLICATE"])
def test_a_repeat_after_a_person_closed_the_incident_opens_a_new_one(desk, reason):
    opened = desk.fire()
    desk.put(close(opened.incident, reason, NOON))

    again = desk.fire()

    assert (Reason.OPENED, opened.alert.guid, 2) == (again.reason, again.alert.guid, again.alert.count)
    assert opened.incident.guid != again.incident.guid == again.alert.incident_guid


def test_deciding_changes_nothing_on_the_board(desk):
    desk.fire()
    alerts, incidents = dict(desk.board.alerts), dict(desk.board.incidents)

    decide(candidate(an_alert(severity="CRITICAL"), desk.rules), desk.board, NOON, desk.new_guid)

    assert (alerts, incidents) == (desk.board.alerts, desk.board.incidents)
