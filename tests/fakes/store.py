"""A store in memory: ``ports.Store`` with its unique indexes, its retries and its leases, and faults that are asked for by name."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.errors import StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.ports import Met, Outgoing, Slot
from tests.fakes.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord, Severity
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.routing import NotifyCode
    from axion_bus.ports import Changes, Leased, Settlement, Sought

T = TypeVar("T")

STATE_KEPT_AFTER_CLOSE = timedelta(hours=1)
CONFLICT_TRIES = 10


class MemoryTransaction:
    """``ports.Transaction`` on tables of its own until it is committed."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.tables = store.tables.copy()

    async def has_communication(self, guid: str) -> bool:
        return guid in self.tables.rows

    async def meet(self, sought: Sought) -> Met:
        return Met(
            alerts=[
                each
                for each in self.tables.alerts.values()
                if each.fingerprint in sought.fingerprints and each.status is AlertStatus.FIRING
            ],
            incidents=list(await self.incidents_by_key(sought.keys, sought.closed_since)),
            merged={key: target.guid for key, target in (await self.merge_targets(sought.keys)).items()},
            silences=list(await self.silences(sought.ends_after)),
            accepted=dict(await self.accepted(sought.ingest_keys)),
        )

    async def accepted(self, ingest_keys: Collection[str]) -> Mapping[str, str | None]:
        known = {row.communication.ingest_key: row.communication.alert_guid for row in self.tables.rows.values()}
        return {key: known[key] for key in ingest_keys if key in known}

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

    async def alerts_by_guid(self, guids: Collection[str]) -> Sequence[AlertRecord]:
        return [alert for guid, alert in self.tables.alerts.items() if guid in guids]

    async def merge_targets(self, keys: Collection[str]) -> Mapping[str, Incident]:
        incidents = self.tables.incidents
        merged = [each for each in incidents.values() if each.close_reason is CloseReason.MERGED and each.correlation_key in keys]
        merged.sort(key=lambda each: each.closed_at or each.updated_at)
        targets = {str(each.correlation_key): incidents.get(each.merged_into or "") for each in merged}
        return {key: target for key, target in targets.items() if target is not None and target.is_open}

    async def linked_alerts(self, incident_guid: str) -> frozenset[str]:
        return frozenset(alert_guid for guid, alert_guid in self.tables.links if guid == incident_guid)

    async def incidents_to_remind(
        self, unchanged_since: datetime, severities: Collection[Severity], limit: int
    ) -> Sequence[Incident]:
        """Incidents that are CREATED and have not changed since."""
        waiting = [
            each
            for each in self.tables.incidents.values()
            if each.status == "CREATED" and each.updated_at <= unchanged_since and each.severity in severities
        ]
        return sorted(waiting, key=lambda each: each.updated_at)[:limit]

    async def notify_codes(self, codes: Collection[str]) -> Mapping[str, NotifyCode]:
        return {code: self._store.codes[code] for code in codes if code in self._store.codes}

    async def free_references(self, references: Collection[str]) -> frozenset[str]:
        return frozenset(references) - {row.communication.short_ref for row in self.tables.rows.values()}

    async def move_belongings(self, source_guid: str, target_guid: str) -> None:
        self.tables.move_belongings(source_guid, target_guid)

    async def open_dedup_keys(self, prefix: str) -> frozenset[str]:
        keys = [each.dedup_key for each in self.tables.alerts.values() if each.status is AlertStatus.FIRING]
        return frozenset(key for key in keys if key is not None and key.startswith(prefix))

    async def silences(self, ends_after: datetime) -> Sequence[Silence]:
        return [each for each in self.tables.silences.values() if each.ends_at is None or each.ends_at > ends_after]

    async def silences_by_guid(self, guids: Collection[str]) -> Sequence[Silence]:
        return [each for guid, each in self.tables.silences.items() if guid in guids]

    async def alerts_silenced_otherwise(self, silences: Collection[str], limit: int) -> Sequence[AlertRecord]:
        silenced = [each for each in self.tables.alerts.values() if each.silenced_by is not None]
        return [each for each in silenced if each.silenced_by not in silences][:limit]

    async def answer_to(self, ingest_key: str) -> str | None:
        rows = [row.communication for row in self.tables.rows.values()]
        told = next((row.metadata["answer"] for row in rows if row.ingest_key == ingest_key and "answer" in row.metadata), None)
        if told is not None:
            return json.dumps(told)
        answers = [row.metadata["response"] for row in rows if row.ingest_key == ingest_key and "response" in row.metadata]
        return next((row.message for row in rows if row.guid in answers), None)

    async def ask(self, query: Callable[[Any], Awaitable[T]]) -> T:
        raise AssertionError("the store's questions are SQL; ask a real one")

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

    async def lease(self, guids: Collection[str], owner: str, until: datetime) -> None:
        self.tables.lease(guids, owner, until)

    async def leased(self, guids: Collection[str], *, owner: str, now: datetime) -> Mapping[str, Leased]:
        return self.tables.leased(guids, owner, now)

    async def begin(self, attempts: Mapping[str, int], *, owner: str, at: datetime, lease_until: datetime) -> None:
        self.tables.begin(attempts, owner, at, lease_until)

    async def finish(self, settlements: Sequence[Settlement]) -> frozenset[str]:
        if any(map(self._store.refuses_settlement, settlements)):
            raise StoreRefused("the database does not take this data")
        return self.tables.finish(settlements)

    async def thread(self, incident_guid: str, channel: str, recipient: str) -> str | None:
        return self.tables.thread(incident_guid, channel, recipient)

    async def save_slot(self, slot: Slot) -> None:
        self.tables.slots[slot.client_id] = slot


class MemoryStore:
    """``ports.Store`` in memory; one transaction at a time.

    ``is_away``: nothing can be reached. ``loses_answers``: so many commits go through although the caller is told otherwise.
    ``rivals``: changes that another daemon commits, one behind the back of each transaction that saves. ``refuses`` says which
    changes the database does not take, whatever is tried, ``refuses_settlement`` which settlements. ``codes`` is ``def_notify``;
    ``writes`` counts the transactions that were begun, ``settled_alone`` how often something was settled without a claim.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self.is_away = False
        self.loses_answers = 0
        self.rivals: deque[Changes] = deque()
        self.refuses: Callable[[Changes], bool] = lambda _changes: False
        self.refuses_settlement: Callable[[Settlement], bool] = lambda _settlement: False
        self.codes: dict[str, NotifyCode] = {}
        self.writes = 0
        self.settled_alone = 0
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

    async def claim(
        self,
        channel: str,
        *,
        owner: str,
        now: datetime,
        lease_until: datetime,
        limit: int,
        settled: Sequence[Settlement] = (),
    ) -> Sequence[Outgoing]:
        self._reach()
        self.tables.settle(settled)
        rows = self.tables.claim(channel, now, limit)
        self.tables.lease([row.communication.guid for row in rows], owner, lease_until)
        return [row.outgoing for row in rows]

    async def claim_heads(
        self, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int
    ) -> Sequence[Outgoing]:
        self._reach()
        rows = self.tables.claim_heads(channel, now, limit)
        self.tables.lease([row.communication.guid for row in rows], owner, lease_until)
        return [row.outgoing for row in rows]

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        self._reach()
        self.settled_alone += 1
        self.tables.settle(settlements)

    async def give_back(self, guids: Collection[str], owner: str) -> None:
        self._reach()
        self.tables.give_back(guids, owner)

    async def release(self, owner: str) -> None:
        self._reach()
        for guid, row in self.tables.rows.items():
            if row.lease_owner == owner and row.is_unsettled:
                self.tables.rows[guid] = replace(row, lease_owner=None, lease_until=None)

    async def abandon(self, channel: str, why: str, before: datetime) -> int:
        self._reach()
        return self.tables.abandon(channel, why, before)

    async def last_incident(self) -> str:
        self._reach()
        return max(self.tables.incidents, default="")

    async def open_incidents(self, after: str, last: str, limit: int) -> Sequence[Incident]:
        self._reach()
        behind = sorted(guid for guid, each in self.tables.incidents.items() if each.is_open and after < guid <= last)
        return [self.tables.incidents[guid] for guid in behind[:limit]]

    async def incidents_to_clear(self, now: datetime, limit: int) -> Sequence[str]:
        self._reach()
        before = now - STATE_KEPT_AFTER_CLOSE
        closed = [each for each in self.tables.incidents.values() if each.guid not in self.tables.cleared]
        due = sorted((each.closed_at, each.guid) for each in closed if each.closed_at and each.closed_at <= before)
        return [guid for _, guid in due[:limit]]

    async def cleared(self, guids: Sequence[str]) -> None:
        self._reach()
        self.tables.cleared.update(guid for guid, each in self.tables.incidents.items() if guid in guids and not each.is_open)

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
