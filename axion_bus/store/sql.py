"""SqlStore: ``ports.Store`` over SQLAlchemy Core. Opens the database, checks its schema, and runs the tables' statements."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from axion_bus.errors import StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.ports import UNMEASURED
from axion_bus.store import alerts, communications, desk, incidents, meeting, sending, silences, slots, survey
from axion_bus.store.engine import connected, make_engine, retried
from axion_bus.store.together import together

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from axion_bus.domain.alert import AlertRecord, Severity
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.routing import NotifyCode
    from axion_bus.ports import Changes, Leased, Met, Meter, Outgoing, Settlement, Slot, Sought, Standing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """``ports.Transaction`` on one connection."""

    connection: AsyncConnection

    async def has_communication(self, guid: str) -> bool:
        """Whether the audit stream has the row ``guid``."""
        return await communications.exists(self.connection, guid)

    async def meet(self, sought: Sought) -> Met:
        """What alerts meet."""
        return await meeting.meet(self.connection, sought)

    async def accepted(self, ingest_keys: Collection[str]) -> Mapping[str, str | None]:
        """Those of ``ingest_keys`` that are in the audit stream already."""
        return await communications.accepted(self.connection, ingest_keys) if ingest_keys else {}

    async def alerts_by_guid(self, guids: Collection[str]) -> Sequence[AlertRecord]:
        """The alerts with these guids, open or not."""
        return await alerts.by_guid(self.connection, guids) if guids else ()

    async def taken_alert_guids(self, guids: Collection[str]) -> frozenset[str]:
        """Those of ``guids`` that an alert has already."""
        return await alerts.taken_guids(self.connection, guids) if guids else frozenset()

    async def incidents_by_key(self, keys: Collection[str], closed_since: datetime | None) -> Sequence[Incident]:
        """The open incidents with these correlation keys, and those closed since ``closed_since``."""
        return await incidents.by_key(self.connection, keys, closed_since) if keys else ()

    async def incidents_by_guid(self, guids: Collection[str]) -> Sequence[Incident]:
        """The incidents with these guids."""
        return await incidents.by_guid(self.connection, guids) if guids else ()

    async def merge_targets(self, keys: Collection[str]) -> Mapping[str, Incident]:
        """Where merged incidents went: of their correlation keys those that lead to an incident that is open."""
        return await desk.merge_targets(self.connection, keys) if keys else {}

    async def linked_alerts(self, incident_guid: str) -> frozenset[str]:
        """The guids of the alerts that are linked to an incident."""
        return await desk.linked_alerts(self.connection, incident_guid)

    async def free_references(self, references: Collection[str]) -> frozenset[str]:
        """Those of ``references`` that no row of the audit stream has."""
        return await desk.free_references(self.connection, references)

    async def notify_codes(self, codes: Collection[str]) -> Mapping[str, NotifyCode]:
        """Those of ``codes`` that ``def_notify`` has."""
        return await desk.notify_codes(self.connection, codes) if codes else {}

    async def move_belongings(self, source_guid: str, target_guid: str) -> None:
        """Give everything of one incident to another."""
        await desk.move_belongings(self.connection, source_guid, target_guid)

    async def open_dedup_keys(self, prefix: str) -> frozenset[str]:
        """The dedup keys of firing alerts that begin with ``prefix``."""
        return await alerts.open_dedup_keys(self.connection, prefix)

    async def silences(self, ends_after: datetime) -> Sequence[Silence]:
        """The silences of ``def_silence`` that end after that time."""
        return await silences.ending_after(self.connection, ends_after)

    async def silences_by_guid(self, guids: Collection[str]) -> Sequence[Silence]:
        """The silences with these guids, ended or not."""
        return await silences.by_guid(self.connection, guids) if guids else ()

    async def alerts_silenced_otherwise(self, silences: Collection[str], limit: int) -> Sequence[AlertRecord]:
        """Firing alerts that were silenced by something else than ``silences``."""
        return await alerts.silenced_otherwise(self.connection, silences, limit)

    async def answer_to(self, ingest_key: str) -> str | None:
        """The answer to the command that was accepted under ``ingest_key``."""
        return await communications.answer_to(self.connection, ingest_key)

    async def ask(self, query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Ask one of ``queries``, inside this transaction."""
        return await query(self.connection)

    async def incidents_to_close(self, now: datetime, limit: int) -> Sequence[Incident]:
        """Incidents whose quiet time is over, the longest first."""
        return await incidents.to_close(self.connection, now, limit)

    async def incidents_to_remind(
        self, unchanged_since: datetime, severities: Collection[Severity], limit: int
    ) -> Sequence[Incident]:
        """Incidents that are CREATED and have not changed since ``unchanged_since``, the longest first."""
        return await incidents.to_remind(self.connection, unchanged_since, severities, limit)

    async def firing(self, incident_guids: Collection[str]) -> Mapping[str, int]:
        """How many firing alerts each of these incidents has."""
        return await alerts.firing(self.connection, incident_guids) if incident_guids else {}

    async def save(self, changes: Changes) -> None:
        """Write ``changes``: alerts, incidents, then what refers to them; and what frees a unique key before what takes it."""
        async with together(self.connection) as writer:
            await alerts.change(writer, changes.changed_alerts)
            await alerts.add(writer, changes.new_alerts)
            await incidents.change(writer, changes.changed_incidents)
            await incidents.add(writer, changes.new_incidents)
            await incidents.link(writer, changes.links)
            await desk.add_notes(writer, changes.notes)
            await incidents.tell(writer, changes.timeline)
            await communications.add(writer, changes.communications)
        await silences.put(self.connection, changes.silences)

    async def lease(self, guids: Collection[str], owner: str, until: datetime) -> None:
        """Keep PENDING rows that were just written for ``owner``."""
        await communications.lease(self.connection, guids, owner, until)

    async def leased(self, guids: Collection[str], *, owner: str, now: datetime) -> Mapping[str, Leased]:
        """Those of ``guids`` that are still PENDING and ``owner``'s."""
        return await sending.leased(self.connection, guids, owner=owner, now=now)

    async def begin(self, attempts: Mapping[str, int], *, owner: str, at: datetime, lease_until: datetime) -> None:
        """Record that these attempts, by row and number, begin."""
        await sending.begin(self.connection, attempts, owner=owner, at=at, lease_until=lease_until)

    async def finish(self, settlements: Sequence[Settlement]) -> frozenset[str]:
        """Record how attempts ended that were begun; the rows that this decided."""
        return await sending.finish(self.connection, settlements)

    async def thread(self, incident_guid: str, channel: str, recipient: str) -> str | None:
        """The id of the first message about an incident that was delivered by itself."""
        return await sending.thread(self.connection, incident_guid, channel, recipient)

    async def fail_sent(self, guid: str, error: str) -> bool:
        """Make a row that is SENT a FAILED one; whether it was SENT."""
        return await communications.fail_sent(self.connection, guid, error)

    async def save_slot(self, slot: Slot) -> None:
        """Remember what the broker told last."""
        await slots.save(self.connection, slot)


@dataclass(frozen=True, slots=True)
class SqlStore:
    """``ports.Store`` and ``ports.Survey`` on one engine; each call gives up after ``timeout_s``."""

    engine: AsyncEngine
    timeout_s: float
    meter: Meter = UNMEASURED

    async def write(self, work: Callable[[SqlTransaction], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction and commit; run it again, whole, when it loses a race."""

        async def once() -> T:
            began_s = time.monotonic()
            try:
                async with connected(self.engine, self.timeout_s) as connection:
                    done = await work(SqlTransaction(connection))
            except (StoreUnavailable, StoreConflict, StoreRefused) as exc:
                self.meter.store_failed(type(exc).__name__)
                raise
            self.meter.committed(time.monotonic() - began_s)
            return done

        return await retried(once)

    async def read(self, query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run one of ``queries`` or ``metrics``."""
        return await self._run(query)

    async def _run(self, statements: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self.write(lambda transaction: statements(transaction.connection))

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
        """Record what is ``settled``, then lease PENDING rows of ``channel`` that are due to ``owner``."""

        async def statements(connection: AsyncConnection) -> Sequence[Outgoing]:
            if settled:
                await communications.settle(connection, settled)
            return await communications.claim(connection, channel, owner=owner, now=now, lease_until=lease_until, limit=limit)

        return await self._run(statements)

    async def claim_heads(
        self, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int
    ) -> Sequence[Outgoing]:
        """Lease PENDING rows of ``channel`` that are due to ``owner``, one for each recipient of an incident."""
        return await self._run(
            lambda connection: sending.claim_heads(connection, channel, owner=owner, now=now, lease_until=lease_until, limit=limit)
        )

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record delivery attempts and what became of their rows."""
        await self._run(lambda connection: communications.settle(connection, settlements))

    async def give_back(self, guids: Collection[str], owner: str) -> None:
        """End the leases of ``owner`` on these rows."""
        await self._run(lambda connection: communications.give_back(connection, guids, owner))

    async def release(self, owner: str) -> None:
        """End every lease of ``owner``."""
        await self._run(lambda connection: communications.release(connection, owner))

    async def abandon(self, channel: str, why: str, before: datetime) -> int:
        """Make everything that waits for ``channel`` FAILED."""
        return await self._run(lambda connection: communications.abandon(connection, channel, why, before))

    async def last_incident(self) -> str:
        """The guid of the incident that was opened last."""
        return await self._run(incidents.last_guid)

    async def open_incidents(self, after: str, last: str, limit: int) -> Sequence[Incident]:
        """A page of the open incidents, ordered by guid, behind ``after`` and up to ``last``."""
        return await self._run(lambda connection: incidents.open_page(connection, after, last, limit))

    async def incidents_to_clear(self, now: datetime, limit: int) -> Sequence[str]:
        """Guids of incidents whose retained state is to be emptied."""
        return await self._run(lambda connection: incidents.to_clear(connection, now, limit))

    async def cleared(self, guids: Sequence[str]) -> None:
        """The retained state of these incidents was emptied."""
        await self._run(lambda connection: incidents.cleared(connection, guids))

    async def summary(self) -> Mapping[str, Mapping[str, int]]:
        """Counts of open incidents by status, severity, package."""
        return await self._run(incidents.summary)

    async def standing(self) -> Standing:
        """What is to be sent, and how many incidents are open."""
        return await self._run(survey.standing)

    async def take_slot(self, client_id: str, instance: str, boot_id: str) -> Slot:
        """What is known of an MQTT client id; from now on ``instance`` uses it."""
        return await self._run(lambda connection: slots.take(connection, client_id, instance, boot_id))


@asynccontextmanager
async def open_store(
    url: str, *, password: str | None, pool_size: int, timeout_s: float, meter: Meter = UNMEASURED
) -> AsyncIterator[SqlStore]:
    """A store on the database ``url``; its connections close at the end, while the loop still runs."""
    engine = make_engine(url, password=password, pool_size=pool_size, timeout_s=timeout_s)
    try:
        yield SqlStore(engine, timeout_s, meter)
    finally:
        await engine.dispose()
