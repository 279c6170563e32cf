"""What one alert does: decide() looks at the board (what is open under the alert's keys) and returns a Decision with its reason.

Nothing here reads or writes a store; the pipeline's record step calls decide() inside its transaction and writes what the
decisions say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axion_bus.domain.alert import Alert, AlertRecord, AlertStatus, fingerprint, ingest_key
from axion_bus.domain.changes import BY_ITSELF, Step, tell
from axion_bus.domain.communication import Reason
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.immutable import immutable
from axion_bus.domain.incident import (
    CloseReason,
    Incident,
    IncidentStatus,
    TimelineEntry,
    TimelineEvent,
    move,
    reopen,
)
from axion_bus.domain.noise import silence_of
from axion_bus.domain.rules import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from axion_bus.domain.board import Board
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.rules import Rule

TITLE_CHARACTERS = 512
"""What the title of an alert or incident may have at most; ``formats.limits`` holds alerts to it."""

SILENCE_ENDED = "silence_ended"
"""The reason of what happens because a silence ended."""

_REOPENABLE = frozenset({CloseReason.RESOLVED, CloseReason.AUTO})


@immutable(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An alert and what the rules say of it: rule, fingerprint, correlation key; ingest key, if any; whether a repeat counts."""

    alert: Alert
    rule: Rule
    fingerprint: str
    key: str
    ingest_key: str | None = None
    counts: bool = True


def candidate(alert: Alert, rules: Iterable[Rule]) -> Candidate:
    """``alert`` under the first of ``rules`` that matches; the last of them is a catch-all."""
    rule, labels = choose(rules, alert)
    return Candidate(
        alert=alert,
        rule=rule,
        fingerprint=fingerprint(alert, labels),
        key=rule.correlation_key(alert),
        ingest_key=ingest_key(alert.source, alert.id) if alert.id else None,
    )


def recalled(record: AlertRecord, rules: Iterable[Rule]) -> Candidate:
    """The open alert ``record`` under what ``rules`` say of it now; it stays the alert that it is, whatever they group by."""
    alert = record.as_alert()
    rule, _ = choose(rules, alert)
    return Candidate(alert=alert, rule=rule, fingerprint=record.fingerprint, key=rule.correlation_key(alert))


@immutable(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an alert does. ``alert`` and ``incident`` are as they are afterwards; ``link`` says that they are newly linked.

    ``silence`` is what silenced it.
    """

    reason: Reason
    alert: AlertRecord | None = None
    incident: Incident | None = None
    link: bool = False
    events: tuple[Event, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    silence: Silence | None = None


def decide(found: Candidate, board: Board, now: datetime, new_guid: Callable[[datetime], str]) -> Decision:
    """What ``found`` does, seen against ``board``. Changes nothing; ``board.apply`` does."""
    record = board.alerts.get(found.fingerprint)
    if found.alert.status is AlertStatus.RESOLVED:
        return _resolve(found, record, board, now)
    incident = board.incident_of(record, found.key)
    silence = silence_of(board.silences, found.alert)
    if silence is not None:
        seen = _first_seen(found, board, now, new_guid) if record is None else _seen_again(found, record, now)
        return _silenced(seen, incident, silence, now)
    if record is None:
        return _place(found, _first_seen(found, board, now, new_guid), incident, now, new_guid)
    reason = Reason.REPEATED if found.alert.severity is record.severity else Reason.SEVERITY_CHANGED
    again = _seen_again(found, record, now)
    if incident is not None and incident.is_open and incident.guid == record.incident_guid:
        is_news = reason is Reason.SEVERITY_CHANGED or record.silenced_by is not None
        if is_news and again.severity > incident.severity:
            return _change(reason, again, incident, now, raised=True)
        return Decision(reason=reason, alert=again, incident=incident)
    decision = _place(found, again, incident, now, new_guid)
    return replace(decision, reason=reason) if decision.reason is Reason.BELOW_CREATE_AT else decision


def look_again(found: Candidate, record: AlertRecord, board: Board, now: datetime, new_guid: Callable[[datetime], str]) -> Decision:
    """What ``record`` does now that its silence has ended, as if it came in now. It is not counted: it was not heard again."""
    silence = silence_of(board.silences, found.alert)
    if silence is not None:
        return Decision(reason=Reason.SILENCED, alert=replace(record, silenced_by=silence.guid), silence=silence)
    record = replace(record, silenced_by=None)
    incident = board.incident_of(record, found.key)
    if incident is None or not incident.is_open or incident.guid != record.incident_guid:
        decision = _place(found, record, incident, now, new_guid)
    elif record.severity > incident.severity:
        decision = _change(Reason.SEVERITY_CHANGED, record, incident, now, raised=True)
    else:
        decision = Decision(reason=Reason.REPEATED, alert=record, incident=incident)
    return replace(decision, events=tuple(replace(event, reason=SILENCE_ENDED) for event in decision.events))


def _first_seen(found: Candidate, board: Board, now: datetime, new_guid: Callable[[datetime], str]) -> AlertRecord:
    alert, guid = found.alert, found.alert.alert_guid
    if guid is None or guid in board.taken:
        guid = new_guid(now)
    return AlertRecord(
        guid=guid,
        fingerprint=found.fingerprint,
        source=alert.source,
        package=alert.package,
        title=alert.title,
        severity=alert.severity,
        status=AlertStatus.FIRING,
        count=1,
        first_seen_at=now,
        last_seen_at=now,
        occurred_at=alert.occurred_at,
        description=alert.description,
        labels=alert.labels,
        dedup_key=alert.dedup_key,
    )


def _seen_again(found: Candidate, record: AlertRecord, now: datetime) -> AlertRecord:
    alert, count = found.alert, record.count + found.counts
    occurred_at = max(filter(None, (record.occurred_at, alert.occurred_at)), default=None)
    return replace(record, severity=alert.severity, count=count, last_seen_at=now, occurred_at=occurred_at, silenced_by=None)


def _silenced(record: AlertRecord, incident: Incident | None, silence: Silence, now: datetime) -> Decision:
    """Opens and raises nothing; an open incident has it among its alerts all the same, and is not taken for quiet."""
    record = replace(record, silenced_by=silence.guid)
    if incident is None or not incident.is_open:
        return Decision(reason=Reason.SILENCED, alert=record, silence=silence)
    if incident.guid == record.incident_guid:
        return Decision(reason=Reason.SILENCED, alert=record, incident=incident, silence=silence)
    return replace(_change(Reason.SILENCED, record, incident, now, link=True), silence=silence)


def _place(
    found: Candidate,
    record: AlertRecord,
    incident: Incident | None,
    now: datetime,
    new_guid: Callable[[datetime], str],
) -> Decision:
    """Find ``record`` its incident: the open one, a reopened one, a new one, or none."""
    if incident is not None and incident.is_open:
        return _change(Reason.LINKED, record, incident, now, link=True, raised=record.severity > incident.severity)
    if record.severity < found.rule.create_at:
        return Decision(reason=Reason.BELOW_CREATE_AT, alert=record)
    if incident is not None and _may_reopen(incident, found.rule, now):
        return _reopen(record, incident, now)
    return _open(found, record, now, new_guid)


def _may_reopen(incident: Incident, rule: Rule, now: datetime) -> bool:
    return (
        rule.reopen_within is not None
        and incident.close_reason in _REOPENABLE
        and incident.closed_at is not None
        and now - incident.closed_at <= rule.reopen_within
    )


def _open(found: Candidate, record: AlertRecord, now: datetime, new_guid: Callable[[datetime], str]) -> Decision:
    rule = found.rule
    title = rule.title.render(found.alert)[:TITLE_CHARACTERS].strip() if rule.title else ""
    incident = Incident(
        guid=new_guid(now),
        title=title or record.title,
        severity=record.severity,
        status=IncidentStatus.CREATED,
        package=record.package,
        description=record.description,
        assigned_to=rule.assign_to,
        created_at=now,
        updated_at=now,
        rule=rule.name,
        correlation_key=found.key,
    )
    record = replace(record, incident_guid=incident.guid)
    created = Step(EventKind.INCIDENT_CREATED, f"Incident created by rule {rule.name}", new=incident.status)
    decision = _told(Reason.OPENED, record, incident, [created], now, link=True)
    linked = TimelineEntry(
        incident_guid=incident.guid,
        event=TimelineEvent.ALERT_LINKED,
        description=_linked(record),
        by=BY_ITSELF,
        at=now,
    )
    return replace(decision, timeline=(*decision.timeline, linked))


def _reopen(record: AlertRecord, incident: Incident, now: datetime) -> Decision:
    was = incident.guid == record.incident_guid
    return _change(Reason.REOPENED, record, reopen(incident, now), now, link=not was, raised=record.severity > incident.severity)


def _change(
    reason: Reason, record: AlertRecord, incident: Incident, now: datetime, *, link: bool = False, raised: bool = False
) -> Decision:
    """An alert meets an incident that is open: link it, raise the severity, look into it again, as far as each applies."""
    steps, before = [], incident
    if reason is Reason.REOPENED:
        text = f"Incident reopened by alert {record.guid}"
        steps.append(Step(EventKind.INCIDENT_REOPENED, text, IncidentStatus.CLOSED, incident.status))
    if link:
        record = replace(record, incident_guid=incident.guid)
        steps.append(Step(EventKind.INCIDENT_ALERT_LINKED, _linked(record)))
    if raised:
        incident = replace(incident, severity=record.severity)
        old, new = before.severity.name, incident.severity.name
        steps.append(Step(EventKind.INCIDENT_SEVERITY_CHANGED, f"Severity changed from {old} to {new}", old, new))
    if link and before.status is IncidentStatus.MONITORING:
        incident = move(incident, IncidentStatus.INVESTIGATING, now)
        steps.append(_moved(before, incident, "an alert fires again"))
    return _told(reason, record, incident, steps, now, link=link)


def _linked(record: AlertRecord) -> str:
    silenced = f" (silenced by {record.silenced_by})" if record.silenced_by else ""
    return f"Alert {record.guid} linked: {record.title}{silenced}"


def _moved(before: Incident, after: Incident, why: str) -> Step:
    text = f"Status changed from {before.status} to {after.status}: {why}"
    return Step(EventKind.INCIDENT_STATUS_CHANGED, text, before.status, after.status)


def _resolve(found: Candidate, record: AlertRecord | None, board: Board, now: datetime) -> Decision:
    if record is None:
        return Decision(reason=Reason.NOTHING_TO_RESOLVE)
    occurred_at = found.alert.occurred_at
    incident = board.incidents.get(record.incident_guid) if record.incident_guid else None
    if occurred_at is not None and record.occurred_at is not None and occurred_at < record.occurred_at:
        return Decision(reason=Reason.OUT_OF_ORDER, alert=record, incident=incident)
    resolved = replace(record, status=AlertStatus.RESOLVED, resolved_at=now, last_seen_at=now, silenced_by=None)
    text = f"Alert {record.guid} resolved: {record.title}"
    steps = [Step(EventKind.ALERT_RESOLVED, text, AlertStatus.FIRING, AlertStatus.RESOLVED)]
    if incident is None or not incident.is_open:
        event = Event(kind=EventKind.ALERT_RESOLVED, reason=Reason.RESOLVED, by=BY_ITSELF, alert=resolved)
        return Decision(reason=Reason.RESOLVED, alert=resolved, events=(event,))
    if board.firing[incident.guid] <= 1:
        before, incident = incident, _quieten(incident, _rule_of(incident, board, found.rule), now)
        if incident.status is not before.status:
            steps.append(_moved(before, incident, "all alerts are resolved"))
    return _told(Reason.RESOLVED, resolved, incident, steps, now)


def _rule_of(incident: Incident, board: Board, other: Rule) -> Rule | None:
    """The rule that opened ``incident``; ``other`` if that is no longer in force; None if a person opened it."""
    return None if incident.rule is None else board.rules.get(incident.rule, other)


def _quieten(incident: Incident, rule: Rule | None, now: datetime) -> Incident:
    """All alerts of ``incident`` are resolved: watch it, and start the quiet time if its rule closes it by itself."""
    if incident.status is not IncidentStatus.MONITORING:
        incident = move(incident, IncidentStatus.MONITORING, now)
    if rule is not None and rule.auto_close_after is not None:
        incident = replace(incident, auto_close_at=now + rule.auto_close_after)
    return incident


def _told(
    reason: Reason, record: AlertRecord, incident: Incident, steps: Iterable[Step], now: datetime, *, link: bool = False
) -> Decision:
    told = tell(incident, steps, reason=reason, now=now, alert=record)
    return Decision(reason=reason, alert=record, incident=told.incident, link=link, events=told.events, timeline=told.timeline)
