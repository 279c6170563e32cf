"""Random streams of alerts over few keys, with people and time in between: what must hold after every step, holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.board import Board
from axion_bus.domain.changes import Step, tell
from axion_bus.domain.communication import Reason
from axion_bus.domain.correlation import look_again, recalled
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import TRANSITIONS, CloseReason, IncidentStatus, close, move
from axion_bus.domain.noise import Silence
from axion_bus.domain.rules import default_rule, parse_matcher
from tests.builders import Desk, a_rule, an_alert
from tests.fakes import NOON

RULES = (
    a_rule("worst", ("package = A", "severity = CRITICAL"), ("package", "labels.host"), reopen_within=timedelta(minutes=5)),
    a_rule("quiet", ("package = B",), ("package",), create_at="MEDIUM", auto_close_after=timedelta(minutes=3)),
    default_rule(),
)
ALERTS = st.fixed_dictionaries(
    {
        "title": st.just("API slow"),
        "package": st.sampled_from(["A", "B", "C"]),
        "source": st.sampled_from(["web-1", "web-2"]),
        "severity": st.sampled_from([severity.name for severity in Severity]),
        "labels": st.sampled_from([{}, {"host": "a"}]),
        "dedup_key": st.sampled_from([None, None, None, "key"]),
        "occurred_at": st.none() | st.integers(-5, 5).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    }
)
SILENCE = Silence(guid="maintenance", matchers=(parse_matcher("package = A"),))
PAGING = {EventKind.INCIDENT_CREATED, EventKind.INCIDENT_REOPENED, EventKind.INCIDENT_SEVERITY_CHANGED}
OPENING = {Reason.OPENED, Reason.LINKED, Reason.REOPENED}


def identity(given):
    """What makes an alert the same: only rule ``worst`` groups by a label, and only alerts of package A may match it."""
    if given["dedup_key"]:
        return given["dedup_key"]
    return given["source"], given["package"], given["title"], given["labels"].get("host") if given["package"] == "A" else None


def was_watched(decision):
    """Whether the incident was in MONITORING already."""
    return len(decision.events) == 1 and decision.incident.status is IncidentStatus.MONITORING


class Stream(RuleBasedStateMachine):
    """Alerts, people and time; ``alerts`` and ``incidents`` are what a store would have."""

    def __init__(self):
        super().__init__()
        self.desk = Desk(rules=RULES)
        self.alerts, self.incidents = {}, {}
        self.sequences = defaultdict(list)
        self.occurrences = 0
        self.open_identities = set()

    @rule(given=ALERTS)
    def fire(self, given):
        decision = self.desk.take(an_alert(**given))
        self.keep(decision)
        self.occurrences += 1
        self.open_identities.add(identity(given))
        assert decision.alert.status is AlertStatus.FIRING
        assert Severity[given["severity"]] is decision.alert.severity
        if decision.reason in OPENING:
            assert decision.incident.status in {IncidentStatus.CREATED, IncidentStatus.INVESTIGATING}
            assert decision.incident.severity >= decision.alert.severity
        elif decision.reason is Reason.SILENCED:
            assert not PAGING & {event.kind for event in decision.events}
        elif decision.incident is None:
            assert decision.alert.severity < Severity.HIGH
        assert (decision.reason is Reason.SILENCED) is bool(self.desk.board.silences and given["package"] == "A")
        assert (decision.alert.silenced_by is not None) is (decision.reason is Reason.SILENCED)

    @rule(given=ALERTS)
    def resolve(self, given):
        decision = self.desk.take(an_alert(resolved=True, **given))
        self.keep(decision)
        assert (identity(given) in self.open_identities) is (decision.reason is not Reason.NOTHING_TO_RESOLVE)
        if decision.reason is Reason.RESOLVED:
            self.open_identities.remove(identity(given))
            if decision.incident is not None:
                still_fires = bool(self.firing()[decision.incident.guid])
                assert still_fires or decision.incident.status is IncidentStatus.MONITORING
                assert still_fires is (decision.events[-1].kind is EventKind.ALERT_RESOLVED) or was_watched(decision)

    @rule(is_on=st.booleans())
    def package_a_is_silenced(self, is_on):
        self.desk.board.silences = (SILENCE,) if is_on else ()

    @precondition(lambda self: not self.desk.board.silences)
    @rule()
    def the_timers_look_at_what_was_silenced(self):
        silenced = [each for each in self.desk.board.alerts.values() if each.silenced_by is not None]
        for record in silenced:
            decision = look_again(recalled(record, RULES), record, self.desk.board, self.desk.now, self.desk.new_guid)
            self.desk.board.apply(decision)
            self.keep(decision)
            assert (record.count, None) == (decision.alert.count, decision.alert.silenced_by)
            assert {"silence_ended"} >= {event.reason for event in decision.events}
            if decision.incident is None:
                assert decision.alert.severity < Severity.HIGH
            else:
                assert decision.incident.is_open
                assert decision.incident.severity >= decision.alert.severity

    @rule()
    def begin_a_new_batch(self):
        """The board is filled from the store, as at the beginning of every transaction."""
        board = Board()
        board.put_alerts(alert for alert in self.alerts.values() if alert.status is AlertStatus.FIRING)
        board.put_incidents(self.incidents.values())
        board.firing.update(self.firing())
        board.taken.update(self.alerts)
        board.silences = self.desk.board.silences
        self.desk.board = board

    @precondition(lambda self: self.opened())
    @rule(data=st.data())
    def a_person_acts(self, data):
        before = data.draw(st.sampled_from(self.opened()), "incident")
        status = data.draw(st.sampled_from(sorted(TRANSITIONS[before.status])), "status")
        if status is IncidentStatus.CLOSED:
            reason = data.draw(st.sampled_from(sorted(CloseReason)), "reason")
            self.change(before, close(before, reason, self.desk.now), EventKind.INCIDENT_CLOSED)
        else:
            self.change(before, move(before, status, self.desk.now), EventKind.INCIDENT_STATUS_CHANGED)

    @rule(minutes=st.integers(1, 7))
    def time_passes(self, minutes):
        self.desk.now += timedelta(minutes=minutes)
        for before in self.opened():
            if before.auto_close_at is not None and before.auto_close_at <= self.desk.now:
                assert before.status is IncidentStatus.MONITORING
                assert not self.firing()[before.guid]
                self.change(before, close(before, CloseReason.AUTO, self.desk.now), EventKind.INCIDENT_CLOSED)

    def change(self, before, after, kind):
        told = tell(after, [Step(kind, "text", before.status, after.status)], reason="person", now=self.desk.now)
        self.desk.put(told.incident)
        self.keep(told)

    def keep(self, told):
        """Do what record does with a decision, and compare what changed with what was there before."""
        alert, incident = getattr(told, "alert", None), told.incident
        if alert is not None:
            self.alerts[alert.guid] = alert
        if incident is None:
            return
        before = self.incidents.get(incident.guid)
        expected_version = (before.version if before else 0) + bool(told.timeline)
        assert expected_version == incident.version
        if before is not None and incident.status is not before.status:
            is_reopened = getattr(told, "reason", None) is Reason.REOPENED and incident.status is IncidentStatus.INVESTIGATING
            assert incident.status in TRANSITIONS[before.status] or is_reopened
            assert not is_reopened or before.close_reason in {CloseReason.RESOLVED, CloseReason.AUTO}
        self.incidents[incident.guid] = incident
        self.sequences[incident.guid] += [event.sequence for event in told.events]

    def opened(self):
        return sorted((each for each in self.incidents.values() if each.is_open), key=lambda each: each.guid)

    def firing(self):
        return Counter(alert.incident_guid for alert in self.alerts.values() if alert.status is AlertStatus.FIRING)

    @invariant()
    def one_incident_is_open_for_each_key(self):
        assert all(count == 1 for count in Counter(each.correlation_key for each in self.opened()).values())

    @invariant()
    def one_alert_is_open_for_each_fingerprint(self):
        firing = [alert.fingerprint for alert in self.alerts.values() if alert.status is AlertStatus.FIRING]
        assert sorted(set(firing)) == sorted(firing) == sorted(self.desk.board.alerts)
        assert len(self.open_identities) == len(firing)

    @invariant()
    def every_occurrence_is_counted_once(self):
        assert self.occurrences == sum(alert.count for alert in self.alerts.values())

    @invariant()
    def the_events_of_an_incident_are_numbered_without_a_gap(self):
        for guid, incident in self.incidents.items():
            assert list(range(1, incident.sequence + 1)) == self.sequences[guid]

    @invariant()
    def only_what_is_watched_has_a_quiet_time(self):
        assert all(each.auto_close_at is None or each.status is IncidentStatus.MONITORING for each in self.incidents.values())

    @invariant()
    def the_board_counts_what_fires(self):
        firing = self.firing()
        assert all(firing[guid] == self.desk.board.firing[guid] for guid in self.incidents)

    @invariant()
    def the_board_shows_what_is_stored(self):
        assert all(self.desk.board.incidents[guid] == incident for guid, incident in self.incidents.items())


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
