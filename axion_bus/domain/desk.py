"""What people do to an incident: pure changes, each told with its events and timeline rows by ``changes.tell``.

What the daemon does by itself is in ``correlation``. An act that the life cycle does not allow raises and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axion_bus.domain import incident as life
from axion_bus.domain.changes import Step, Told, tell
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import TRANSITIONS, CloseReason, Incident, IncidentStatus
from axion_bus.errors import InvalidTransition

if TYPE_CHECKING:
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.note import Note, NoteType

_BY_HAND = "by_hand"
"""The reason of everything that a person decided."""


def opened(incident: Incident, *, by: str, now: datetime) -> Told:
    """A new ``incident``, in status CREATED."""
    step = Step(EventKind.INCIDENT_CREATED, f"Incident created by {by}: {incident.title}", new=incident.status)
    return tell(incident, [step], reason=_BY_HAND, now=now, by=by)


def moved(incident: Incident, to: IncidentStatus, *, by: str, now: datetime) -> Told:
    """``incident`` in status ``to``; CLOSED closes it as RESOLVED.

    Raises:
        InvalidTransition: the life cycle does not lead there.

    """
    if to is IncidentStatus.CLOSED:
        return closed(incident, CloseReason.RESOLVED, by=by, now=now)
    after = life.move(incident, to, now)
    return tell(after, [_status_step(incident, after, by)], reason=_BY_HAND, now=now, by=by)


def acknowledged(incident: Incident, *, by: str, now: datetime) -> Told:
    """CREATED becomes INVESTIGATING, and is ``by``'s if it was nobody's.

    Raises:
        InvalidTransition: somebody acknowledged it already, or it is closed.

    """
    if incident.status is not IncidentStatus.CREATED:
        who = f", assigned to {incident.assigned_to}" if incident.assigned_to else ""
        raise InvalidTransition(
            f"incident {incident.guid} is {incident.status}{who}; only one that is CREATED can be acknowledged",
            allowed=sorted(TRANSITIONS[incident.status]),
        )
    after = life.move(incident, IncidentStatus.INVESTIGATING, now)
    steps = [_status_step(incident, after, by)]
    if after.assigned_to is None:
        after = replace(after, assigned_to=by)
        steps.append(_assign_step(incident, after, by))
    return tell(after, steps, reason="acknowledged", now=now, by=by)


def assigned(incident: Incident, to: str | None, *, by: str, now: datetime) -> Told:
    """``incident`` in the hands of ``to``, or of nobody. A closed one may be assigned too: somebody has to write it up."""
    after = replace(incident, assigned_to=to)
    return tell(after, [_assign_step(incident, after, by)], reason=_BY_HAND, now=now, by=by)


def noted(incident: Incident, notes: tuple[Note, ...], *, by: str, now: datetime) -> Told:
    """``incident`` with ``notes`` added to it; a closed one as well."""
    return tell(incident, [_note_step(note.type) for note in notes], reason=_BY_HAND, now=now, by=by)


def closed(incident: Incident, reason: CloseReason, *, by: str, now: datetime, notes: tuple[Note, ...] = ()) -> Told:
    """``incident`` closed for ``reason``, with what was written at the closing. Raises InvalidTransition: it is closed already."""
    after = life.close(incident, reason, now)
    text = f"Incident closed by {by}: {reason}"
    step = Step(EventKind.INCIDENT_CLOSED, text, incident.status, IncidentStatus.CLOSED)
    return tell(after, [*(_note_step(note.type) for note in notes), step], reason=reason.value.lower(), now=now, by=by)


def reopened(incident: Incident, *, by: str, now: datetime) -> Told:
    """A closed ``incident`` under investigation again. Raises InvalidTransition: it is open, or was merged away."""
    after = life.reopen(incident, now)
    step = Step(EventKind.INCIDENT_REOPENED, f"Incident reopened by {by}", IncidentStatus.CLOSED, after.status)
    return tell(after, [step], reason=_BY_HAND, now=now, by=by)


def linked(incident: Incident, alert_guid: str, alert: AlertRecord | None, *, by: str, now: datetime) -> Told:
    """``incident`` with an alert more; ``alert`` is its record, if there is one. Raises InvalidTransition: it is closed."""
    if not incident.is_open:
        raise InvalidTransition(f"incident {incident.guid} is CLOSED and takes no alert; reopen it first", allowed=())
    title = f": {alert.title}" if alert is not None else ""
    step = Step(EventKind.INCIDENT_ALERT_LINKED, f"Alert {alert_guid} linked by {by}{title}", new=alert_guid)
    return tell(incident, [step], reason=_BY_HAND, now=now, by=by, alert=alert)


def merged(source: Incident, target: Incident, *, by: str, now: datetime, fires: bool) -> tuple[Told, Told]:
    """``source`` closed as MERGED into ``target``, and the target, each with its own account of it.

    The target becomes as severe as the source was, and is investigated again if it was only watched and the source ``fires``.

    Raises:
        InvalidTransition: they are one, or one of them is closed.

    """
    if source.guid == target.guid:
        raise InvalidTransition(f"incident {source.guid} cannot be merged into itself", allowed=())
    if not target.is_open:
        raise InvalidTransition(f"incident {target.guid} is CLOSED and nothing can be merged into it; reopen it first", allowed=())
    gone = replace(life.close(source, CloseReason.MERGED, now), merged_into=target.guid)
    gone_step = Step(
        EventKind.INCIDENT_CLOSED, f"Incident merged into {target.guid} by {by}: {target.title}", source.status, gone.status
    )
    steps = [Step(EventKind.INCIDENT_MERGED, f"Incident {source.guid} merged into this one by {by}: {source.title}", source.guid)]
    grown = target
    if source.severity > target.severity:
        grown = replace(target, severity=source.severity)
        old, new = target.severity.name, source.severity.name
        steps.append(Step(EventKind.INCIDENT_SEVERITY_CHANGED, f"Severity changed from {old} to {new}", old, new))
    if fires and target.status is IncidentStatus.MONITORING:
        grown = life.move(grown, IncidentStatus.INVESTIGATING, now)
        steps.append(_status_step(target, grown, by))
    return tell(gone, [gone_step], reason="merged", now=now, by=by), tell(grown, steps, reason="merged", now=now, by=by)


def _status_step(before: Incident, after: Incident, by: str) -> Step:
    text = f"Status changed from {before.status} to {after.status} by {by}"
    return Step(EventKind.INCIDENT_STATUS_CHANGED, text, before.status, after.status)


def _assign_step(before: Incident, after: Incident, by: str) -> Step:
    text = f"Assigned to {after.assigned_to or 'nobody'} by {by}"
    return Step(EventKind.INCIDENT_ASSIGNED, text, before.assigned_to, after.assigned_to)


def _note_step(type_: NoteType) -> Step:
    return Step(EventKind.INCIDENT_NOTE_ADDED, f"{type_} note added", new=type_)
