"""What the daemon tells the bus: events in the past tense, each with the change, the reason and who caused it.

How an event becomes bytes is ``formats.events``'s matter; how it gets out is the relay's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.incident import Incident


class EventKind(StrEnum):
    """The noun and verb of an event, as they stand in its topic and (dotted) in its CloudEvents type."""

    ALERT_RECEIVED = "alert/received"
    ALERT_RESOLVED = "alert/resolved"
    INCIDENT_CREATED = "incident/created"
    INCIDENT_ALERT_LINKED = "incident/alert-linked"
    INCIDENT_STATUS_CHANGED = "incident/status-changed"
    INCIDENT_SEVERITY_CHANGED = "incident/severity-changed"
    INCIDENT_ASSIGNED = "incident/assigned"
    INCIDENT_NOTE_ADDED = "incident/note-added"
    INCIDENT_MERGED = "incident/merged"
    INCIDENT_CLOSED = "incident/closed"
    INCIDENT_REOPENED = "incident/reopened"
    COMMUNICATION_SENT = "communication/sent"
    COMMUNICATION_FAILED = "communication/failed"


@immutable(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that changed. ``incident`` and ``alert`` are as they are after the change.

    ``sequence`` counts the events of one incident from 1. ``old`` and ``new`` are the changed value where there is one (a status,
    a severity). ``by`` is ``axion-bus`` for what the daemon decided by itself.
    """

    kind: EventKind
    reason: str
    by: str
    incident: Incident | None = None
    alert: AlertRecord | None = None
    sequence: int | None = None
    old: str | None = None
    new: str | None = None
