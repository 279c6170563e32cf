"""Silences: when they are active, which alerts they match, and what a silenced alert does and does not do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.communication import Reason
from axion_bus.domain.correlation import look_again, recalled
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import CloseReason, IncidentStatus, close, move
from axion_bus.domain.noise import Silence, SilenceState, active, silence_of
from axion_bus.domain.rules import default_rule, parse_matcher
from tests.builders import Desk, a_rule, an_alert
from tests.fakes import NOON

HOUR = timedelta(hours=1)


def a_silence(*conditions, guid="maintenance", **given):
    return Silence(guid=guid, matchers=tuple(map(parse_matcher, conditions or ("package = WEBAPI",))), **given)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def silenced(desk):
    """A desk at which alerts of WEBAPI are silenced."""
    desk.board.silences = (a_silence(),)
    return desk


def again(desk, decision):
    """The silence is over, and the timers look at the alert again."""
    found = recalled(decision.alert, desk.rules)
    looked = look_again(found, decision.alert, desk.board, desk.now, desk.new_guid)
    desk.board.apply(looked)
    return looked


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "expected"),
    [
        (None, None, SilenceState.ACTIVE),
        (NOON, NOON + HOUR, SilenceState.ACTIVE),
        (NOON - HOUR, NOON, SilenceState.EXPIRED),
        (NOON + timedelta(microseconds=1), None, SilenceState.PENDING),
        (None, NOON - HOUR, SilenceState.EXPIRED),
    ],
)
def test_a_silence_stands_where_its_times_say(starts_at, ends_at, expected):
    assert expected is a_silence(starts_at=starts_at, ends_at=ends_at).state(NOON)


def test_only_what_is_active_and_without_fault_silences():
    silences = [
        a_silence(guid="now"),
        a_silence(guid="later", starts_at=NOON + HOUR),
        a_silence(guid="over", ends_at=NOON),
        a_silence(guid="faulty", fault="unreadable"),
    ]

    assert ["now"] == [each.guid for each in active(silences, NOON)]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (("package = WEBAPI",), True),
        (("package = WEBAPI", "severity >= CRITICAL"), False),
        (("package = WEBAPI", "severity >= HIGH"), True),
        (("labels.env =~ prod.*",), True),
        (("source = other",), False),
        (("dedup_key = disk",), True),
    ],
)
def test_all_conditions_of_a_silence_have_to_hold(conditions, expected):
    alert = an_alert(labels={"env": "production"}, dedup_key="disk")

    assert expected is a_silence(*conditions).matches(alert)


def test_a_silence_without_a_condition_silences_nothing():
    assert not Silence(guid="all", matchers=()).matches(an_alert())


def test_of_several_silences_the_first_that_matches_is_named():
    silences = a_silence("package = OTHER", guid="a"), a_silence(guid="b"), a_silence(guid="c")

    assert "b" == silence_of(silences, an_alert()).guid
    assert None is silence_of(silences, an_alert(package="X"))


def test_a_silenced_alert_opens_no_incident_and_names_the_silence(silenced):
    decision = silenced.fire(severity="CRITICAL")

    assert (Reason.SILENCED, None, (), ()) == (decision.reason, decision.incident, decision.events, decision.timeline)
    assert ("maintenance", "maintenance", 1) == (decision.silence.guid, decision.alert.silenced_by, decision.alert.count)


def test_an_alert_that_no_silence_matches_opens_its_incident(silenced):
    assert Reason.OPENED is silenced.fire(package="OTHER").reason


def test_repeats_of_a_silenced_alert_are_counted(silenced):
    decisions = [silenced.fire(severity=severity) for severity in ("LOW", "HIGH", "CRITICAL")]

    assert [(Reason.SILENCED, 1), (Reason.SILENCED, 2), (Reason.SILENCED, 3)] == [
        (each.reason, each.alert.count) for each in decisions
    ]
    assert "CRITICAL" == decisions[-1].alert.severity.name


def test_a_silenced_alert_is_linked_to_the_open_incident_of_its_key_and_raises_it_not(desk):
    incident = desk.fire().incident
    desk.board.silences = (a_silence(),)

    linked = desk.fire(source="web-2", severity="CRITICAL")

    assert (Reason.SILENCED, True, incident.guid, "HIGH") == (
        linked.reason,
        linked.link,
        linked.incident.guid,
        linked.incident.severity.name,
    )
    assert [EventKind.INCIDENT_ALERT_LINKED] == [event.kind for event in linked.events]
    assert linked.timeline[0].description.endswith("(silenced by maintenance)")


def test_a_silenced_repeat_that_is_worse_raises_nothing(desk):
    desk.fire()
    desk.board.silences = (a_silence(),)

    worse = desk.fire(severity="CRITICAL")

    assert (Reason.SILENCED, "HIGH", "CRITICAL", ()) == (
        worse.reason,
        worse.incident.severity.name,
        worse.alert.severity.name,
        worse.events,
    )


def test_an_incident_whose_silenced_alert_fires_is_not_taken_for_quiet(desk):
    desk.fire()
    desk.resolve()
    desk.board.silences = (a_silence(),)

    assert IncidentStatus.INVESTIGATING is desk.fire(source="web-2").incident.status


def test_a_silenced_alert_reopens_nothing():
    desk = Desk(rules=(a_rule(reopen_within=HOUR), default_rule()))
    incident = desk.fire().incident
    desk.resolve()
    desk.put(close(desk.board.incidents[incident.guid], CloseReason.RESOLVED, desk.now))
    desk.board.silences = (a_silence(),)

    decision = desk.fire()

    assert (Reason.SILENCED, None) == (decision.reason, decision.incident)


def test_a_silenced_alert_is_resolved_like_any_other(silenced):
    silenced.fire()

    resolved = silenced.resolve()

    assert (Reason.RESOLVED, None) == (resolved.reason, resolved.alert.silenced_by)


def test_the_next_repeat_after_a_silence_opens_the_incident(silenced):
    silenced.fire()
    silenced.board.silences = ()

    opened = silenced.fire()

    assert (Reason.OPENED, 2, None) == (opened.reason, opened.alert.count, opened.alert.silenced_by)


def test_the_next_repeat_after_a_silence_raises_what_it_held_back(desk):
    desk.fire()
    desk.board.silences = (a_silence(),)
    desk.fire(severity="CRITICAL")
    desk.board.silences = ()

    raised = desk.fire(severity="CRITICAL")

    assert ("CRITICAL", [EventKind.INCIDENT_SEVERITY_CHANGED]) == (
        raised.incident.severity.name,
        [event.kind for event in raised.events],
    )


def test_when_a_silence_ends_what_fires_still_opens_its_incident_and_is_not_counted(silenced):
    decision = silenced.fire()
    silenced.board.silences = ()

    opened = again(silenced, decision)

    assert (IncidentStatus.CREATED, 1, None, True) == (
        opened.incident.status,
        opened.alert.count,
        opened.alert.silenced_by,
        opened.link,
    )
    assert [(EventKind.INCIDENT_CREATED, "silence_ended")] == [(event.kind, event.reason) for event in opened.events]


def test_when_a_silence_ends_what_another_one_matches_stays_silenced(silenced):
    decision = silenced.fire()
    silenced.board.silences = (a_silence(guid="another"),)

    still = again(silenced, decision)

    assert (Reason.SILENCED, "another", None, ()) == (still.reason, still.alert.silenced_by, still.incident, still.events)


def test_when_a_silence_ends_an_alert_that_is_not_severe_enough_opens_nothing(silenced):
    decision = silenced.fire(severity="LOW")
    silenced.board.silences = ()

    looked = again(silenced, decision)

    assert (Reason.BELOW_CREATE_AT, None, None) == (looked.reason, looked.incident, looked.alert.silenced_by)


def test_when_a_silence_ends_the_incident_becomes_as_severe_as_its_alert(desk):
    desk.fire()
    desk.board.silences = (a_silence(),)
    worse = desk.fire(severity="CRITICAL")
    desk.board.silences = ()

    raised = again(desk, worse)

    assert ("CRITICAL", [(EventKind.INCIDENT_SEVERITY_CHANGED, "silence_ended")]) == (
        raised.incident.severity.name,
        [(event.kind, event.reason) for event in raised.events],
    )


def test_when_a_silence_ends_an_incident_that_is_as_severe_already_stays_as_it_is(desk):
    desk.fire()
    desk.board.silences = (a_silence(),)
    same = desk.fire()
    desk.board.silences = ()

    looked = again(desk, same)

    assert (same.incident, (), None) == (looked.incident, looked.events, looked.alert.silenced_by)


def test_when_a_silence_ends_alerts_of_one_key_share_one_incident(silenced):
    first, second = silenced.fire(source="web-1"), silenced.fire(source="web-2")
    silenced.board.silences = ()

    one, other = again(silenced, first), again(silenced, second)

    assert (one.incident.guid, Reason.LINKED) == (other.incident.guid, other.reason)


def test_when_a_silence_ends_an_alert_whose_incident_was_closed_meanwhile_opens_another(desk):
    incident = desk.fire().incident
    desk.board.silences = (a_silence(),)
    decision = desk.fire()
    desk.put(close(move(incident, IncidentStatus.INVESTIGATING, desk.now), CloseReason.RESOLVED, desk.now))
    desk.board.silences = ()

    opened = again(desk, decision)

    assert (Reason.OPENED, True) == (opened.reason, opened.incident.guid != incident.guid)


def test_an_alert_is_recalled_as_rules_and_silences_see_it(silenced):
    alert = an_alert(labels={"env": "production"}, dedup_key="disk", description="full", occurred_at=NOON)
    decision = silenced.take(alert)

    found = recalled(decision.alert, silenced.rules)

    assert (alert, decision.alert.fingerprint) == (found.alert, found.fingerprint)


def test_an_alert_keeps_its_fingerprint_whatever_the_rules_group_by_now(silenced):
    decision = silenced.fire(labels={"host": "a"})
    silenced.rules = (a_rule(group_by=("labels.host",)), default_rule())
    silenced.board.silences = ()

    opened = again(silenced, decision)

    assert decision.alert.fingerprint == recalled(decision.alert, silenced.rules).fingerprint
    assert (decision.alert.fingerprint, "web") == (opened.alert.fingerprint, opened.incident.rule)
    assert replace(decision.alert, silenced_by=None, incident_guid=opened.incident.guid) == opened.alert
