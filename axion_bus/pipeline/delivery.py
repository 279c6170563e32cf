"""One delivery to a person: send it outside any transaction, then settle it with the incident's account of it.

Rows of one channel that say the same to one person become one message. When a message is given up, an incident about the channel is
opened. Used by the courier, and by the manager for what it queued itself.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from axion_bus.domain import desk
from axion_bus.domain.alert import Severity, digest
from axion_bus.domain.changes import BY_ITSELF, Step, tell
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import Incident, IncidentStatus
from axion_bus.errors import DeliveryFailed, StoreConflict, StoreUnavailable
from axion_bus.ports import Changes, Letter, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from axion_bus.domain.delivery import Patience
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Channel, Clock, Outgoing, Store, Transaction

log = structlog.get_logger()

CHANNEL_RULE = "axion-bus-channel"
"""The rule of incidents about a channel that does not deliver; failures to tell of those open no more of them."""
_ERROR_CHARACTERS = 1024
_SHOWN_REFERENCES = 20
_SETTLE_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Delivers in the name of ``owner``. ``lease`` must be longer than any channel's time limit and ``settle_for_s`` together."""

    store: Store
    outbox: Outbox
    clock: Clock
    owner: str
    patience: Patience
    lease: timedelta = timedelta(seconds=330)
    settle_for_s: float = 0.0

    async def deliver(
        self, name: str, channel: Channel, bundle: Sequence[Outgoing], *, holds_ambiguous: bool = False
    ) -> Settlement:
        """Send one message for all of ``bundle``, settle them, and return what became of the first."""
        started = self.clock.now()
        try:
            receipt = await channel.send(await self._letter(name, bundle))
            settlements = [self._delivered(each, started, receipt.external_id) for each in bundle]
        except DeliveryFailed as exc:
            settlements = [self._failed(each, started, exc, holds_ambiguous=holds_ambiguous) for each in bundle]
        except Exception as exc:  # noqa: BLE001 - one message that cannot be sent is settled as failed
            failure = DeliveryFailed(f"{type(exc).__name__}: {exc}", is_permanent=True)
            settlements = [self._failed(each, started, failure, holds_ambiguous=holds_ambiguous) for each in bundle]
        for outgoing, settlement in zip(bundle, settlements, strict=True):
            await self._write(_settling(self, name, outgoing, settlement))
        return settlements[0]

    async def _write(self, settle: Callable[[Transaction], Awaitable[None]]) -> None:
        """Settle, trying for ``settle_for_s`` while the database is away: to know is better than to send again."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self.settle_for_s
        while True:
            try:
                return await self.store.write(settle)
            except (StoreUnavailable, StoreConflict):
                if loop.time() + _SETTLE_AGAIN_S > until_s:
                    raise
            await asyncio.sleep(_SETTLE_AGAIN_S)

    async def _letter(self, name: str, bundle: Sequence[Outgoing]) -> Letter:
        first = bundle[0]
        thread = None
        if first.incident_guid is not None and first.metadata.get("occasion") not in (None, "report"):
            thread = await self.store.thread(first.incident_guid, name, first.recipient)
        return letter(bundle, thread)

    def _delivered(self, outgoing: Outgoing, started: datetime, external_id: str | None) -> Settlement:
        return Settlement(outgoing.guid, outgoing.attempts + 1, started, self.clock.now(), external_id=external_id)

    def _failed(self, outgoing: Outgoing, started: datetime, failure: DeliveryFailed, *, holds_ambiguous: bool) -> Settlement:
        now, attempt = self.clock.now(), outgoing.attempts + 1
        again = None
        if not failure.is_permanent and not (failure.is_ambiguous and holds_ambiguous):
            again = self.patience.next_attempt_at(
                attempt=attempt,
                queued_at=datetime.fromisoformat(outgoing.metadata["queued_at"]),
                now=now,
                retry_after_s=failure.retry_after_s,
                uniform=random.uniform,
            )
        error = f"{'perhaps delivered: ' if failure.is_ambiguous else ''}{failure}"[:_ERROR_CHARACTERS]
        log.warning("message_not_delivered", communication=outgoing.guid, attempt=attempt, error=error, gives_up=again is None)
        return Settlement(
            outgoing.guid, attempt, started, now, error=error, next_attempt_at=again, is_ambiguous=failure.is_ambiguous
        )

    async def settle(self, transaction: Transaction, name: str, outgoing: Outgoing, settlement: Settlement) -> None:
        """The row, its attempt and, when it is over, the incident's timeline and event; and the channel's incident."""
        found = await transaction.incidents_by_guid([outgoing.incident_guid]) if outgoing.incident_guid else ()
        await transaction.settle([settlement])
        if settlement.next_attempt_at is not None:
            return
        now = self.clock.now()
        changes = Changes()
        if found:
            reason = "delivered" if settlement.error is None else "given_up"
            told = tell(found[0], [_step(name, outgoing, settlement)], reason=reason, now=now)
            changes.changed_incidents.append(told.incident)
            changes.timeline.extend(told.timeline)
            changes.communications.extend(self.outbox.rows(told.events, now))
        about_a_channel = bool(found) and found[0].rule == CHANNEL_RULE
        if settlement.error is not None and not about_a_channel:
            await self._tell_of_channel(transaction, name, settlement.error, changes, now)
        await transaction.save(changes)

    async def _tell_of_channel(self, transaction: Transaction, name: str, error: str, changes: Changes, now: datetime) -> None:
        """Open an incident about the channel, unless one is open; others are told of it as of any."""
        key = digest("channel", (name,))
        if any(each.is_open for each in await transaction.incidents_by_key([key], None)):
            return
        incident = Incident(
            guid=self.outbox.new_guid(now),
            title=f"Channel {name} does not deliver",
            severity=Severity.HIGH,
            status=IncidentStatus.CREATED,
            package="AXION-BUS",
            description=f"A message to a person was given up: {error}",
            created_at=now,
            updated_at=now,
            rule=CHANNEL_RULE,
            correlation_key=key,
        )
        told = desk.opened(incident, by=BY_ITSELF, now=now)
        changes.new_incidents.append(told.incident)
        changes.timeline.extend(told.timeline)
        changes.communications.extend(await self.outbox.all_rows(transaction, told.events, now))


def _settling(deliveries: Deliveries, name: str, outgoing: Outgoing, settlement: Settlement) -> Any:
    async def settle(transaction: Transaction) -> None:
        await deliveries.settle(transaction, name, outgoing, settlement)

    return settle


def _step(name: str, outgoing: Outgoing, settlement: Settlement) -> Step:
    reference = outgoing.metadata["reference"]
    if settlement.error is None:
        return Step(EventKind.COMMUNICATION_SENT, f"{name} message {reference} sent to {outgoing.recipient}", new=reference)
    text = f"{name} message {reference} to {outgoing.recipient} failed: {settlement.error}"
    return Step(EventKind.COMMUNICATION_FAILED, text, new=reference)


def bundles(claimed: Iterable[Outgoing]) -> list[list[Outgoing]]:
    """``claimed`` by what is one message: the same subject to the same person on the same occasion; in order of arrival.

    A report or an answer is one by itself, and so is what the other side keeps apart by incident.
    """
    found: dict[object, list[Outgoing]] = defaultdict(list)
    for each in claimed:
        title = each.metadata.get("title")
        is_alone = title is None or each.metadata.get("occasion") in ("report", "answer")
        found[each.guid if is_alone else (each.recipient, each.metadata.get("occasion"), title)].append(each)
    return list(found.values())


def letter(bundle: Sequence[Outgoing], thread: str | None = None) -> Letter:
    """The message for all of ``bundle``, with their number and references if there are several."""
    first = bundle[0]
    metadata = first.metadata
    made = Letter(
        guid=first.guid,
        reference=metadata["reference"],
        recipient=first.recipient,
        subject=metadata["subject"],
        text=first.message,
        html=metadata.get("html"),
        incident_guid=first.incident_guid,
        occasion=metadata.get("occasion", "notification"),
        incident=metadata.get("incident", {}),
        thread=thread,
    )
    if len(bundle) == 1:
        return made
    others = [each.metadata["reference"] for each in bundle[1:]]
    shown = ", ".join(others[:_SHOWN_REFERENCES]) + (" ..." if len(others) > _SHOWN_REFERENCES else "")
    return replace(
        made,
        subject=f"{len(bundle)}x {made.subject}",
        text=f"{made.text}\n{len(bundle)} like this, the others: {shown}\n",
        thread=None,
    )
