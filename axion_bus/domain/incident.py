"""An incident and its life cycle. The life cycle is the table TRANSITIONS; code only looks it up.

An illegal change raises and changes nothing. Who may link or close what is decided in ``correlation`` and the manager.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable
from axion_bus.errors import InvalidTransition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from axion_bus.domain.alert import Severity


class IncidentStatus(StrEnum):
    """Where the work on an incident stands."""

    CREATED = "CREATED"
    INVESTIGATING = "INVESTIGATING"
    MONITORING = "MONITORING"
    CLOSED = "CLOSED"


TRANSITIONS: Mapping[IncidentStatus, frozenset[IncidentStatus]] = MappingProxyType(
    {
        IncidentStatus.CREATED: frozenset({IncidentStatus.INVESTIGATING, IncidentStatus.MONITORING, IncidentStatus.CLOSED}),
        IncidentStatus.INVESTIGATING: frozenset({IncidentStatus.MONITORING, IncidentStatus.CLOSED}),
        IncidentStatus.MONITORING: frozenset({IncidentStatus.INVESTIGATING, IncidentStatus.CLOSED}),
        IncidentStatus.CLOSED: frozenset(),  # only reopen() leads out
    }
)
"""The whole life cycle: from each status, the statuses that may follow."""


class CloseReason(StrEnum):
    """Why an incident was closed."""

    RESOLVED = "RESOLVED"
    MERGED = "MERGED"
    AUTO = "AUTO"
    DUPLICATE = "DUPLICATE"
    FALSE_ALARM = "FALSE_ALARM"


class TimelineEvent(StrEnum):
    """What a row of an incident's timeline tells."""

    CREATED = "CREATED"
    STATUS_CHANGE = "STATUS_CHANGE"
    SEVERITY_CHANGE = "SEVERITY_CHANGE"
    ALERT_LINKED = "ALERT_LINKED"
    ALERT_RESOLVED = "ALERT_RESOLVED"
    NOTE_ADDED = "NOTE_ADDED"
    ASSIGNED = "ASSIGNED"
    NOTIFICATION_SENT = "NOTIFICATION_SENT"
    NOTIFICATION_FAILED = "NOTIFICATION_FAILED"
    COMMUNICATION_LOGGED = "COMMUNICATION_LOGGED"
    REMINDED = "REMINDED"
    MERGED = "MERGED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"


@immutable(frozen=True, slots=True, kw_only=True)
class Incident:
    """One row of ``data_incident``. Times are aware UTC.

    ``version`` rises by one with each committed change, the first included; ``sequence`` with each event queued about it.
    ``correlation_key`` is None for an incident that a person opened. ``auto_close_at`` is set while the quiet period runs.
    """

    guid: str
    title: str
    severity: Severity
    status: IncidentStatus
    package: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    assigned_to: str | None = None
    acknowledged_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None
    merged_into: str | None = None
    version: int = 0
    sequence: int = 0
    rule: str | None = None
    correlation_key: str | None = None
    auto_close_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether work on it is still going on."""
        return self.status is not IncidentStatus.CLOSED


@immutable(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One row of ``data_incident_timeline``."""

    incident_guid: str
    event: TimelineEvent
    description: str
    by: str
    at: datetime


def move(incident: Incident, to: IncidentStatus, now: datetime) -> Incident:
    """``incident`` in status ``to``, its timers cleared; closing is ``close``'s. CREATED to INVESTIGATING acknowledges it.

    Raises:
        InvalidTransition: TRANSITIONS does not lead there; the error names what is allowed.

    """
    allowed = TRANSITIONS[incident.status]
    if to not in allowed:
        raise InvalidTransition(f"incident {incident.guid} is {incident.status} and cannot become {to}", allowed=sorted(allowed))
    is_acknowledged = incident.status is IncidentStatus.CREATED and to is IncidentStatus.INVESTIGATING
    acknowledged = now if is_acknowledged else incident.acknowledged_at
    return replace(incident, status=to, updated_at=now, acknowledged_at=acknowledged, auto_close_at=None)


def close(incident: Incident, reason: CloseReason, now: datetime) -> Incident:
    """``incident`` closed for ``reason``. Raises InvalidTransition when it is closed already."""
    return replace(move(incident, IncidentStatus.CLOSED, now), closed_at=now, close_reason=reason)


def reopen(incident: Incident, now: datetime) -> Incident:
    """A closed ``incident`` under investigation again, with its number and history.

    Raises:
        InvalidTransition: it is not closed, or it was merged away.

    """
    if incident.is_open or incident.close_reason is CloseReason.MERGED:
        state = "merged into another" if incident.merged_into else f"{incident.status}, not CLOSED"
        allowed = sorted(TRANSITIONS[incident.status])
        raise InvalidTransition(f"incident {incident.guid} is {state} and cannot be reopened", allowed=allowed)
    return replace(
        incident,
        status=IncidentStatus.INVESTIGATING,
        updated_at=now,
        closed_at=None,
        close_reason=None,
        auto_close_at=None,
    )
