"""What the pipeline and the manager need of a database: transactions, and what may be asked and written in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord, Severity
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.routing import NotifyCode
    from axion_bus.ports.messages import Outgoing, Settlement
    from axion_bus.ports.rows import Changes, Leased, Met, Slot, Sought

T = TypeVar("T")


class Transaction(Protocol):
    """One transaction of a Store. What it reads for change stays locked until it ends, always alerts before incidents."""

    async def has_communication(self, guid: str) -> bool:
        """Whether the audit stream has the row ``guid``."""
        ...

    async def meet(self, sought: Sought) -> Met:
        """What alerts meet; alerts and incidents are locked."""
        ...

    async def accepted(self, ingest_keys: Collection[str]) -> Mapping[str, str | None]:
        """Those of ``ingest_keys`` that are in the audit stream already, each with the guid of the alert that it was of."""
        ...

    async def alerts_by_guid(self, guids: Collection[str]) -> Sequence[AlertRecord]:
        """The alerts with these guids, open or not."""
        ...

    async def taken_alert_guids(self, guids: Collection[str]) -> frozenset[str]:
        """Those of ``guids`` that an alert, open or not, has already."""
        ...

    async def incidents_by_key(self, keys: Collection[str], closed_since: datetime | None) -> Sequence[Incident]:
        """The open incidents with these correlation keys, and those closed since ``closed_since`` unless that is None."""
        ...

    async def incidents_by_guid(self, guids: Collection[str]) -> Sequence[Incident]:
        """The incidents with these guids."""
        ...

    async def merge_targets(self, keys: Collection[str]) -> Mapping[str, Incident]:
        """Where merged incidents went: of their correlation keys those that lead to an incident that is open."""
        ...

    async def linked_alerts(self, incident_guid: str) -> frozenset[str]:
        """The guids of the alerts that are linked to an incident."""
        ...

    async def free_references(self, references: Collection[str]) -> frozenset[str]:
        """Those of ``references`` that no row of the audit stream has."""
        ...

    async def notify_codes(self, codes: Collection[str]) -> Mapping[str, NotifyCode]:
        """Those of ``codes`` that ``def_notify`` has."""
        ...

    async def move_belongings(self, source_guid: str, target_guid: str) -> None:
        """Give everything of one incident to another: alerts, links, notes, timeline, communications, and what was merged into it.

        What the bus was told of the source (rows with a sequence) stays the source's: it is its history there.
        """
        ...

    async def open_dedup_keys(self, prefix: str) -> frozenset[str]:
        """The dedup keys of firing alerts that begin with ``prefix``."""
        ...

    async def silences(self, ends_after: datetime) -> Sequence[Silence]:
        """The silences of ``def_silence`` that end after that time, the oldest first; those that have not begun, too."""
        ...

    async def silences_by_guid(self, guids: Collection[str]) -> Sequence[Silence]:
        """The silences with these guids, ended or not."""
        ...

    async def alerts_silenced_otherwise(self, silences: Collection[str], limit: int) -> Sequence[AlertRecord]:
        """Firing alerts that were silenced by something else than ``silences``, which may have ended."""
        ...

    async def answer_to(self, ingest_key: str) -> str | None:
        """The answer to the command that was accepted under ``ingest_key``; None: there was none."""
        ...

    async def ask(self, query: Callable[[Any], Awaitable[T]]) -> T:
        """Ask one of the store's questions (``store.queries``) and see what this transaction has written."""
        ...

    async def incidents_to_close(self, now: datetime, limit: int) -> Sequence[Incident]:
        """Incidents whose quiet time is over, the longest first."""
        ...

    async def incidents_to_remind(
        self, unchanged_since: datetime, severities: Collection[Severity], limit: int
    ) -> Sequence[Incident]:
        """Incidents that are CREATED and have not changed since ``unchanged_since``, the longest first."""
        ...

    async def firing(self, incident_guids: Collection[str]) -> Mapping[str, int]:
        """How many firing alerts each of these incidents has; those with none are left out."""
        ...

    async def save(self, changes: Changes) -> None:
        """Write ``changes``, whole. Raises StoreConflict when a unique index decided for somebody else."""
        ...

    async def lease(self, guids: Collection[str], owner: str, until: datetime) -> None:
        """Keep PENDING rows that were just written for ``owner``, who sends them itself."""
        ...

    async def leased(self, guids: Collection[str], *, owner: str, now: datetime) -> Mapping[str, Leased]:
        """Those of ``guids`` that are still PENDING and ``owner``'s; the others are somebody else's, or settled."""
        ...

    async def begin(self, attempts: Mapping[str, int], *, owner: str, at: datetime, lease_until: datetime) -> None:
        """Record, before a byte leaves, that these attempts (row, number) begin; the rows are ``owner``'s until ``lease_until``."""
        ...

    async def finish(self, settlements: Sequence[Settlement]) -> frozenset[str]:
        """Record how attempts ended that were begun; the leases end. Returns the rows that this decided.

        A delivery always does; a failure does unless somebody else has begun another attempt, or settled the row, meanwhile.
        """
        ...

    async def thread(self, incident_guid: str, channel: str, recipient: str) -> str | None:
        """The id of the first message about an incident that was delivered on ``channel`` to ``recipient``, by itself."""
        ...

    async def fail_sent(self, guid: str, error: str) -> bool:
        """Make a row that is SENT a FAILED one: the other side says so later. False: it was not SENT."""
        ...

    async def save_slot(self, slot: Slot) -> None:
        """Remember what the broker told last."""
        ...


class Store(Protocol):
    """A database. Every method raises StoreUnavailable when it cannot be reached; nothing else of the driver's comes through."""

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction and commit; run it again, whole, when it loses a race (StoreConflict at last)."""
        ...

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
        """Lease PENDING rows of ``channel`` that are due to ``owner``: of each incident the oldest ones, without a gap.

        What is ``settled`` is recorded before, as by ``settle``, in the same transaction.
        """
        ...

    async def claim_heads(
        self, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int
    ) -> Sequence[Outgoing]:
        """Lease PENDING rows of ``channel`` that are due to ``owner``: of what tells one recipient of one incident the oldest."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record delivery attempts and what became of their rows; the leases end."""
        ...

    async def give_back(self, guids: Collection[str], owner: str) -> None:
        """End the leases of ``owner`` on these rows; they are due as before."""
        ...

    async def release(self, owner: str) -> None:
        """End every lease of ``owner``."""
        ...

    async def abandon(self, channel: str, why: str, before: datetime) -> int:
        """Make FAILED what has waited for ``channel`` since ``before``, leased or not; how much that was.

        What is being delivered all the same is SENT later.
        """
        ...

    async def last_incident(self) -> str:
        """The guid of the incident that was opened last, as far as guids rise with time; empty: there is none."""
        ...

    async def open_incidents(self, after: str, last: str, limit: int) -> Sequence[Incident]:
        """A page of the open incidents, ordered by guid, behind ``after`` and up to ``last``."""
        ...

    async def incidents_to_clear(self, now: datetime, limit: int) -> Sequence[str]:
        """Guids of incidents closed so long ago that their retained state is to be emptied."""
        ...

    async def cleared(self, guids: Sequence[str]) -> None:
        """The retained state of these incidents was emptied."""
        ...

    async def take_slot(self, client_id: str, instance: str, boot_id: str) -> Slot:
        """What is known of ``client_id``, which ``instance`` uses from now on."""
        ...

    async def summary(self) -> Mapping[str, Mapping[str, int]]:
        """Counts of open incidents: ``status``, ``severity``, ``package``, each by value."""
        ...
