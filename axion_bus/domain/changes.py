"""Telling of a change: an incident that changed, with the event and the timeline row of each step, numbered.

Used by whatever changes incidents (correlation, timers, the manager), so that no change goes untold and no two count differently.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.immutable import immutable
from axion_bus.domain.incident import Incident, TimelineEntry, TimelineEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord

BY_ITSELF = "axion-bus"
"""Who did it, for what the daemon decides by itself."""

_TIMELINE = {
    EventKind.ALERT_RESOLVED: TimelineEvent.ALERT_RESOLVED,
    EventKind.INCIDENT_CREATED: TimelineEvent.CREATED,
    EventKind.INCIDENT_ALERT_LINKED: TimelineEvent.ALERT_LINKED,
    EventKind.INCIDENT_STATUS_CHANGED: TimelineEvent.STATUS_CHANGE,
    EventKind.INCIDENT_SEVERITY_CHANGED: TimelineEvent.SEVERITY_CHANGE,
    EventKind.INCIDENT_ASSIGNED: TimelineEvent.ASSIGNED,
    EventKind.INCIDENT_NOTE_ADDED: TimelineEvent.NOTE_ADDED,
    EventKind.INCIDENT_MERGED: TimelineEvent.MERGED,
    EventKind.INCIDENT_CLOSED: TimelineEvent.CLOSED,
    EventKind.INCIDENT_REOPENED: TimelineEvent.REOPENED,
    EventKind.COMMUNICATION_SENT: TimelineEvent.NOTIFICATION_SENT,
    EventKind.COMMUNICATION_FAILED: TimelineEvent.NOTIFICATION_FAILED,
}


@immutable(frozen=True, slots=True)
class Step:
    """One thing that happened to an incident: the event, the sentence for its timeline, the changed value."""

    kind: EventKind
    text: str
    old: str | None = None
    new: str | None = None


@immutable(frozen=True, slots=True, kw_only=True)
class Told:
    """``incident`` after the change, one version on, and what tells of it, in order."""

    incident: Incident
    events: tuple[Event, ...]
    timeline: tuple[TimelineEntry, ...]


def tell(
    incident: Incident,
    steps: Iterable[Step],
    *,
    reason: str,
    now: datetime,
    by: str = BY_ITSELF,
    alert: AlertRecord | None = None,
) -> Told:
    """Number the ``steps`` that led to ``incident`` (which still has the version and sequence from before them)."""
    steps = tuple(steps)
    first = incident.sequence + 1
    incident = replace(incident, version=incident.version + 1, sequence=incident.sequence + len(steps), updated_at=now)
    events = tuple(
        Event(
            kind=step.kind,
            reason=reason,
            by=by,
            incident=incident,
            alert=alert,
            sequence=number,
            old=step.old,
            new=step.new,
        )
        for number, step in enumerate(steps, first)
    )
    timeline = tuple(
        TimelineEntry(incident_guid=incident.guid, event=_TIMELINE[step.kind], description=step.text, by=by, at=now)
        for step in steps
    )
    return Told(incident=incident, events=events, timeline=timeline)
