"""What a store has committed: tables with the real schema's unique indexes and foreign keys, in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.communication import CommunicationStatus
from axion_bus.errors import StoreConflict
from axion_bus.ports import Outgoing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident, TimelineEntry
    from axion_bus.domain.note import Note
    from axion_bus.ports import Changes, Link, Settlement, Slot

T = TypeVar("T")

BEHIND_ANOTHER = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the audit stream, with what the relay did to it."""

    communication: Communication
    attempts: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None

    @property
    def outgoing(self) -> Outgoing:
        """The row as the relay gets it."""
        row = self.communication
        return Outgoing(row.guid, row.incident_guid, row.sequence, row.recipient, row.message, self.attempts, dict(row.metadata))

    @property
    def is_unsettled(self) -> bool:
        return self.communication.next_attempt_at is not None

    def is_due(self, channel: str, now: datetime) -> bool:
        row = self.communication
        is_due = row.next_attempt_at is not None and row.next_attempt_at <= now and row.status is CommunicationStatus.PENDING
        return is_due and row.channel == channel and (self.lease_until is None or self.lease_until < now)


@dataclass(slots=True)
class Tables:
    """What is committed. Tests may read it, and change it to set a scene."""

    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    attempts: list[Settlement] = field(default_factory=list)
    slots: dict[str, Slot] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)

    def copy(self) -> Tables:
        """Tables of their own, of the same (frozen) values."""
        names = self.__dataclass_fields__
        return Tables(**{name: getattr(self, name).copy() for name in names})

    def apply(self, changes: Changes) -> None:
        """Write ``changes``, in the order of the real store; raises StoreConflict or, for a broken reference, ValueError."""
        self.alerts.update((alert.guid, alert) for alert in changes.changed_alerts)
        self._add(self.alerts, ((alert.guid, alert) for alert in changes.new_alerts), "AlertGuid")
        self.incidents.update((incident.guid, incident) for incident in changes.changed_incidents)
        self.cleared.difference_update(incident.guid for incident in changes.changed_incidents)
        self._add(self.incidents, ((incident.guid, incident) for incident in changes.new_incidents), "IncidentGuid")
        for link in changes.links:
            self.links.setdefault((link.incident_guid, link.alert_guid), link)
        self.notes.extend(changes.notes)
        self.timeline.extend(changes.timeline)
        self._add(self.rows, ((row.guid, Row(row)) for row in changes.communications), "CommunicationGuid")
        self._check()

    def claim(self, channel: str, now: datetime, limit: int) -> list[Row]:
        """What is due, the longest first, and has no unsettled row of its incident before it; the rest waits for a moment."""
        while due := self._due(channel, now)[:limit]:
            first = self._first_not_among({row.communication.guid for row in due})
            taken = [row for row in due if not self._is_behind(row, first)]
            for row in due:
                if self._is_behind(row, first):
                    waiting = replace(row.communication, next_attempt_at=now + BEHIND_ANOTHER)
                    self.rows[waiting.guid] = replace(row, communication=waiting)
            if taken or len(due) < limit:
                return taken
        return []

    def _due(self, channel: str, now: datetime) -> list[Row]:
        due = [row for row in self.rows.values() if row.is_due(channel, now)]
        return sorted(due, key=lambda row: (row.communication.next_attempt_at or now, row.communication.guid))

    def _first_not_among(self, guids: set[str]) -> dict[tuple[str | None, str], int]:
        """Of each incident and channel the lowest sequence that is unsettled and not among ``guids``."""
        first: dict[tuple[str | None, str], int] = {}
        for each in (row.communication for row in self.rows.values() if row.is_unsettled):
            if each.sequence is not None and each.guid not in guids:
                key = each.incident_guid, each.channel
                first[key] = min(each.sequence, first.get(key, each.sequence))
        return first

    def _is_behind(self, row: Row, first: dict[tuple[str | None, str], int]) -> bool:
        each = row.communication
        ahead = first.get((each.incident_guid, each.channel))
        return ahead is not None and each.sequence is not None and ahead < each.sequence

    def lease(self, guids: Collection[str], owner: str, until: datetime) -> None:
        """Give the rows ``guids`` to ``owner``."""
        for guid in guids:
            self.rows[guid] = replace(self.rows[guid], lease_owner=owner, lease_until=until)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record the attempts, and what became of their rows; a failure undoes nothing that another owner has done meanwhile."""
        self.attempts.extend(settlements)
        for each in settlements:
            row = self.rows[each.guid]
            is_late = row.communication.status is not CommunicationStatus.PENDING or row.attempts >= each.attempt
            if each.error is not None and is_late:
                continue
            failed = CommunicationStatus.PENDING if each.next_attempt_at else CommunicationStatus.FAILED
            settled = replace(
                row.communication,
                status=failed if each.error else CommunicationStatus.SENT,
                error_message=each.error,
                external_id=each.external_id or row.communication.external_id,
                next_attempt_at=each.next_attempt_at if each.error else None,
            )
            self.rows[each.guid] = Row(settled, row.attempts + 1)

    def move_belongings(self, source: str, target: str) -> None:
        """Everything of ``source`` but what told the bus of it becomes ``target``'s."""
        for guid, alert in self.alerts.items():
            if alert.incident_guid == source:
                self.alerts[guid] = replace(alert, incident_guid=target)
        for incident_guid, alert_guid in [key for key in self.links if key[0] == source]:
            link = self.links.pop((incident_guid, alert_guid))
            self.links.setdefault((target, alert_guid), replace(link, incident_guid=target))
        self.notes = [replace(each, incident_guid=target) if each.incident_guid == source else each for each in self.notes]
        self.timeline = [replace(each, incident_guid=target) if each.incident_guid == source else each for each in self.timeline]
        for guid, row in self.rows.items():
            if row.communication.incident_guid == source and row.communication.sequence is None:
                self.rows[guid] = replace(row, communication=replace(row.communication, incident_guid=target))
        for guid, incident in self.incidents.items():
            if incident.merged_into == source:
                self.incidents[guid] = replace(incident, merged_into=target)

    def _add(self, table: dict[str, T], new: Iterable[tuple[str, T]], key: str) -> None:
        for guid, value in new:
            if guid in table:
                raise StoreConflict(f"duplicate entry {guid} for {key}")
            table[guid] = value

    def _check(self) -> None:
        """The unique indexes and foreign keys of ``store.schema``."""
        rows = [row.communication for row in self.rows.values()]
        _unique("OpenFingerprint", (each.fingerprint for each in self.alerts.values() if each.status is AlertStatus.FIRING))
        _unique("OpenKey", (each.correlation_key for each in self.incidents.values() if each.is_open))
        _unique("ShortRef", (row.short_ref for row in rows))
        _unique("IngestKey", (row.ingest_key for row in rows))
        referred = {link.incident_guid for link in self.links.values()} | {entry.incident_guid for entry in self.timeline}
        missing = (referred | {row.incident_guid for row in rows if row.incident_guid}) - self.incidents.keys()
        if missing:
            raise ValueError(f"foreign key: there is no incident {missing}")


def _unique(index: str, keys: Iterable[str | None]) -> None:
    twice = [key for key, count in Counter(keys).items() if key is not None and count > 1]
    if twice:
        raise StoreConflict(f"duplicate entry {twice} for {index}")
