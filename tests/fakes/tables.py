"""What a store has committed: tables with the real schema's unique indexes and foreign keys, in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.communication import CommunicationStatus
from axion_bus.errors import StoreConflict
from axion_bus.ports import Leased, Outgoing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident, TimelineEntry
    from axion_bus.domain.noise import Silence
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
    begun: dict[tuple[str, int], datetime] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    silences: dict[str, Silence] = field(default_factory=dict)

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
        self.silences.update((silence.guid, silence) for silence in changes.silences)
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

    def abandon(self, channel: str, why: str, before: datetime) -> int:
        """What has waited for ``channel`` since ``before`` waits no more."""
        unsettled = [row.communication for row in self.rows.values() if row.is_unsettled]
        waiting = [each for each in unsettled if each.channel == channel and each.timestamp < before]
        for each in waiting:
            failed = replace(each, status=CommunicationStatus.FAILED, error_message=why, next_attempt_at=None)
            self.rows[each.guid] = replace(self.rows[each.guid], communication=failed, lease_owner=None, lease_until=None)
        return len(waiting)

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
            self.rows[each.guid] = Row(_settled(row.communication, each), row.attempts + 1)

    def claim_heads(self, channel: str, now: datetime, limit: int) -> list[Row]:
        """What is due, the longest first; of what tells one recipient of one incident only the oldest that is unsettled."""
        taken: list[Row] = []
        for row in self._due(channel, now):
            head = self._head(row.communication)
            if head.guid != row.communication.guid:
                at = max(now + BEHIND_ANOTHER, head.next_attempt_at or now)
                self.rows[row.communication.guid] = replace(row, communication=replace(row.communication, next_attempt_at=at))
            elif len(taken) < limit:
                taken.append(row)
        return taken

    def _head(self, of: Communication) -> Communication:
        told = [row.communication for row in self.rows.values() if row.is_unsettled]
        same = [
            each
            for each in told
            if (each.incident_guid, each.channel, each.recipient) == (of.incident_guid, of.channel, of.recipient)
        ]
        return of if of.incident_guid is None else min(same, key=lambda each: each.guid)

    def leased(self, guids: Collection[str], owner: str, now: datetime) -> dict[str, Leased]:
        """Those of ``guids`` that are PENDING and ``owner``'s."""
        rows = {guid: self.rows[guid] for guid in guids if guid in self.rows}
        ours = {guid: row for guid, row in rows.items() if row.is_unsettled and row.lease_owner == owner}
        open_attempts = {guid for guid, _ in self.begun}
        return {
            guid: Leased(attempts=row.attempts, is_cut_off=guid in open_attempts)
            for guid, row in ours.items()
            if row.lease_until is not None and row.lease_until > now
        }

    def begin(self, attempts: Mapping[str, int], owner: str, at: datetime, lease_until: datetime) -> None:
        """The attempts have their rows, before a byte leaves."""
        for guid, number in attempts.items():
            self.begun[guid, number] = at
            row = self.rows[guid]
            self.rows[guid] = replace(row, attempts=row.attempts + 1, lease_owner=owner, lease_until=lease_until)

    def finish(self, settlements: Sequence[Settlement]) -> frozenset[str]:
        """End attempts that were begun; what somebody else did meanwhile is not undone by a failure."""
        decided = set()
        for each in settlements:
            self.begun.pop((each.guid, each.attempt), None)
            self.attempts.append(each)
            row = self.rows[each.guid]
            status = row.communication.status
            is_late = status is not CommunicationStatus.PENDING or row.attempts != each.attempt
            if (each.error is not None and is_late) or status is CommunicationStatus.SENT:
                continue
            decided.add(each.guid)
            self.rows[each.guid] = Row(_settled(row.communication, each), row.attempts)
        return frozenset(decided)

    def thread(self, incident_guid: str, channel: str, recipient: str) -> str | None:
        """The id of the first message that was delivered by itself."""
        rows = sorted((row.communication for row in self.rows.values()), key=lambda row: (row.timestamp, row.guid))
        place = incident_guid, channel, recipient
        sent = [row for row in rows if row.status is CommunicationStatus.SENT and row.external_id is not None]
        alone = [row for row in sent if (row.incident_guid, row.channel, row.recipient) == place and "bundle" not in row.metadata]
        return alone[0].external_id if alone else None

    def give_back(self, guids: Collection[str], owner: str) -> None:
        """End the leases of ``owner``."""
        for guid in guids:
            if self.rows[guid].lease_owner == owner:
                self.rows[guid] = replace(self.rows[guid], lease_owner=None, lease_until=None)

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


def _settled(row: Communication, by: Settlement) -> Communication:
    failed = CommunicationStatus.PENDING if by.next_attempt_at else CommunicationStatus.FAILED
    return replace(
        row,
        status=failed if by.error else CommunicationStatus.SENT,
        error_message=by.error,
        external_id=by.external_id or row.external_id,
        next_attempt_at=by.next_attempt_at if by.error else None,
        metadata=row.metadata if by.metadata is None else by.metadata,
    )


def _unique(index: str, keys: Iterable[str | None]) -> None:
    twice = [key for key, count in Counter(keys).items() if key is not None and count > 1]
    if twice:
        raise StoreConflict(f"duplicate entry {twice} for {index}")
