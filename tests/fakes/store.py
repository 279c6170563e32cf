"""A store in memory: ``ports.Store`` with its unique indexes, its retries and its leases, and faults that are asked for by name."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.communication import CommunicationStatus
from axion_bus.domain.incident import IncidentStatus
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.ports import Outgoing, Slot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Channel, Communication
    from axion_bus.domain.incident import Incident, TimelineEntry
    from axion_bus.ports import Changes, Link, Settlement

T = TypeVar("T")

STATE_KEPT_AFTER_CLOSE = timedelta(hours=1)
CONFLICT_TRIES = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the audit stream, with what the relay did to it."""

    communication: Communication
    attempts: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None

    @property
    def is_unsettled(self) -> bool:
        return self.communication.next_attempt_at is not None

    def is_due(self, channel: Channel, now: datetime) -> bool:
        row = self.communication
        is_due = row.next_attempt_at is not None and row.next_attempt_at <= now and row.status is CommunicationStatus.PENDING
        return is_due and row.channel is channel and (self.lease_until is None or self.lease_until < now)


@dataclass(slots=True)
class Tables:
    """What is committed. Tests may read it, and change it to set a scene."""

    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
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
        self.timeline.extend(changes.timeline)
        self._add(self.rows, ((row.guid, Row(row)) for row in changes.communications), "CommunicationGuid")
        self._check()

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


class MemoryTransaction:
    """``ports.Transaction`` on tables of its own until it is committed."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.tables = store.tables.copy()

    async def has_communication(self, guid: str) -> bool:
        return guid in self.tables.rows

    async def accepted(self, ingest_keys: Collection[str]) -> frozenset[str]:
        known = {row.communication.ingest_key for row in self.tables.rows.values()}
        return frozenset(key for key in ingest_keys if key in known)

    async def open_alerts(self, fingerprints: Collection[str]) -> Sequence[AlertRecord]:
        alerts = self.tables.alerts.values()
        return [each for each in alerts if each.fingerprint in fingerprints and each.status is AlertStatus.FIRING]

    async def taken_alert_guids(self, guids: Collection[str]) -> frozenset[str]:
        return frozenset(guid for guid in guids if guid in self.tables.alerts)

    async def incidents_by_key(self, keys: Collection[str], closed_since: datetime | None) -> Sequence[Incident]:
        found = [each for each in self.tables.incidents.values() if each.correlation_key in keys]
        return [each for each in found if each.is_open or (closed_since and each.closed_at and each.closed_at >= closed_since)]

    async def incidents_by_guid(self, guids: Collection[str]) -> Sequence[Incident]:
        return [each for guid, each in self.tables.incidents.items() if guid in guids]

    async def incidents_to_close(self, now: datetime, limit: int) -> Sequence[Incident]:
        watched = [each for each in self.tables.incidents.values() if each.status is IncidentStatus.MONITORING]
        due = sorted((each.auto_close_at, each.guid) for each in watched if each.auto_close_at and each.auto_close_at <= now)
        return [self.tables.incidents[guid] for _, guid in due[:limit]]

    async def firing(self, incident_guids: Collection[str]) -> Mapping[str, int]:
        firing = [each.incident_guid for each in self.tables.alerts.values() if each.status is AlertStatus.FIRING]
        return Counter(guid for guid in firing if guid is not None and guid in incident_guids)

    async def save(self, changes: Changes) -> None:
        if self._store.refuses(changes):
            raise ValueError("the database does not take this data")
        if self._store.rivals:
            self._store.tables.apply(self._store.rivals.popleft())
            self.tables = self._store.tables.copy()
        self.tables.apply(changes)

    async def save_slot(self, slot: Slot) -> None:
        self.tables.slots[slot.client_id] = slot


class MemoryStore:
    """``ports.Store`` in memory; one transaction at a time.

    ``is_away``: nothing can be reached. ``loses_answers``: so many commits go through although the caller is told otherwise.
    ``rivals``: changes that another daemon commits, one behind the back of each transaction that saves. ``refuses`` says which
    changes the database does not take, whatever is tried. ``writes`` counts the transactions that were begun.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self.is_away = False
        self.loses_answers = 0
        self.rivals: deque[Changes] = deque()
        self.refuses: Callable[[Changes], bool] = lambda _changes: False
        self.writes = 0
        self._one_at_a_time = asyncio.Lock()

    async def write(self, work: Callable[[MemoryTransaction], Awaitable[T]]) -> T:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return await self._once(work)
            except StoreConflict:
                continue
        return await self._once(work)

    async def _once(self, work: Callable[[MemoryTransaction], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            self.writes += 1
            self._reach()
            transaction = MemoryTransaction(self)
            result = await work(transaction)
            self._reach()
            self.tables = transaction.tables
            if self.loses_answers:
                self.loses_answers -= 1
                raise StoreUnavailable("the connection went away during COMMIT")
            return result

    def _reach(self) -> None:
        if self.is_away:
            raise StoreUnavailable("the database is away")

    async def claim(self, channel: Channel, *, owner: str, now: datetime, lease_until: datetime, limit: int) -> Sequence[Outgoing]:
        self._reach()
        due = [row for row in self.tables.rows.values() if row.is_due(channel, now)]
        due = sorted(due, key=lambda row: (row.communication.next_attempt_at or now, row.communication.guid))[:limit]
        taken = [row for row in due if not self._is_behind_another(row, due)]
        for row in taken:
            self.tables.rows[row.communication.guid] = replace(row, lease_owner=owner, lease_until=lease_until)
        return [
            Outgoing(each.guid, each.incident_guid, each.sequence, each.recipient, each.message, row.attempts)
            for row in taken
            for each in [row.communication]
        ]

    def _is_behind_another(self, row: Row, due: Sequence[Row]) -> bool:
        mine, claimed = row.communication, {each.communication.guid for each in due}
        others = [each.communication for each in self.tables.rows.values() if each.is_unsettled]
        return any(
            other.incident_guid == mine.incident_guid is not None
            and (other.channel, other.guid in claimed) == (mine.channel, False)
            and (other.sequence or 0) < (mine.sequence or 0)
            for other in others
        )

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        self._reach()
        self.tables.attempts.extend(settlements)
        for each in settlements:
            row = self.tables.rows[each.guid]
            failed = CommunicationStatus.PENDING if each.next_attempt_at else CommunicationStatus.FAILED
            settled = replace(
                row.communication,
                status=failed if each.error else CommunicationStatus.SENT,
                error_message=each.error,
                next_attempt_at=each.next_attempt_at if each.error else None,
            )
            self.tables.rows[each.guid] = Row(settled, row.attempts + 1)

    async def release(self, owner: str) -> None:
        self._reach()
        for guid, row in self.tables.rows.items():
            if row.lease_owner == owner and row.is_unsettled:
                self.tables.rows[guid] = replace(row, lease_owner=None, lease_until=None)

    async def open_incidents(self, after: str, limit: int) -> Sequence[Incident]:
        self._reach()
        behind = sorted(guid for guid, each in self.tables.incidents.items() if each.is_open and guid > after)
        return [self.tables.incidents[guid] for guid in behind[:limit]]

    async def incidents_to_clear(self, now: datetime, limit: int) -> Sequence[str]:
        self._reach()
        before = now - STATE_KEPT_AFTER_CLOSE
        closed = [each for each in self.tables.incidents.values() if each.guid not in self.tables.cleared]
        due = sorted((each.closed_at, each.guid) for each in closed if each.closed_at and each.closed_at <= before)
        return [guid for _, guid in due[:limit]]

    async def cleared(self, guids: Sequence[str]) -> None:
        self._reach()
        self.tables.cleared.update(guid for guid in guids if not self.tables.incidents[guid].is_open)

    async def take_slot(self, client_id: str, instance: str, boot_id: str) -> Slot:
        self._reach()
        return self.tables.slots.setdefault(client_id, Slot(client_id=client_id))

    async def summary(self) -> Mapping[str, Mapping[str, int]]:
        self._reach()
        opened = [each for each in self.tables.incidents.values() if each.is_open]
        return {
            "status": dict(Counter(each.status.value for each in opened)),
            "severity": dict(Counter(each.severity.name for each in opened)),
            "package": dict(Counter(each.package for each in opened)),
        }
