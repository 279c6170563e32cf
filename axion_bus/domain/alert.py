"""An alert as it arrives, and the alert record that repeats of it are folded into.

Words as Alertmanager uses them: firing/resolved, fingerprint, labels. Parsing lives in ``formats``.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Severity(IntEnum):
    """How bad it is. The numbers are OpenTelemetry's severity numbers, so they order and can be published as they are."""

    LOW = 9
    MEDIUM = 13
    HIGH = 17
    CRITICAL = 21


class AlertStatus(StrEnum):
    """Whether the condition holds (FIRING) or has gone (RESOLVED)."""

    FIRING = "FIRING"
    RESOLVED = "RESOLVED"


@immutable(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as a publisher sent it, checked and bounded (see ``formats.limits``).

    ``id`` is the publisher's event id: (source, id) is accepted once. ``occurred_at`` is the publisher's clock, aware UTC.
    ``remarks`` says what was assumed while reading, for people: "severity 'loud' is unknown, taken as MEDIUM".
    """

    title: str
    source: str
    package: str
    severity: Severity
    status: AlertStatus = AlertStatus.FIRING
    description: str = ""
    id: str | None = None
    dedup_key: str | None = None
    alert_guid: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    occurred_at: datetime | None = None
    remarks: tuple[str, ...] = ()


@immutable(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """One row of ``data_alert``: the alert that is open (or was) under a fingerprint, with its repeats folded in.

    ``count`` counts occurrences, the first included. ``incident_guid`` is the incident that it was last linked to.
    ``occurred_at`` is the latest that the publisher gave, if any. ``silenced_by`` is the silence that it matched
    when it fired last.
    """

    guid: str
    fingerprint: str
    source: str
    package: str
    title: str
    severity: Severity
    status: AlertStatus
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    incident_guid: str | None = None
    occurred_at: datetime | None = None
    resolved_at: datetime | None = None
    dedup_key: str | None = None
    silenced_by: str | None = None

    def as_alert(self) -> Alert:
        """The alert that it is, for rules and silences to look at again."""
        return Alert(
            title=self.title,
            source=self.source,
            package=self.package,
            severity=self.severity,
            status=self.status,
            description=self.description,
            dedup_key=self.dedup_key,
            labels=self.labels,
            occurred_at=self.occurred_at,
        )


def digest(kind: str, parts: Iterable[str | None]) -> str:
    """A 128-bit hex key over ``parts``: exact, with separators, an absent part distinct from an empty one.

    ``kind`` keeps keys of different purposes apart, so that none can be forged from another's parts.
    """
    tagged = ["-" if part is None else f"+{len(part)}:{part}" for part in parts]
    return hashlib.sha256("\x1f".join((kind, *tagged)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fingerprint(alert: Alert, label_names: Iterable[str] = ()) -> str:
    """Which open alert this one repeats or resolves: by ``dedup_key`` if given, whatever the source, else by what it says.

    ``label_names`` are those that ``rules.choose`` gives. Severity is not part of it.
    """
    if alert.dedup_key:
        return digest("dedup", (alert.dedup_key,))
    named = (part for name in label_names for part in (name, alert.labels.get(name)))
    return digest("alert", (alert.source, alert.package, alert.title, *named))


def ingest_key(source: str, event_id: str) -> str:
    """The key under which (source, id) is accepted once, however often it is delivered."""
    return digest("ingest", (source, event_id))
