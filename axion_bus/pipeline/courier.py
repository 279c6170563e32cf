"""Delivering to people: claim what is PENDING on a channel, send it outside any transaction, settle it with the incident's account.

Each channel has a task of its own, so that a dead one delays no other. The relay does the same for the bus; but people's messages
are few, each settled by itself, and given up after a time. Run by the daemon; the manager delivers single messages with it.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.changes import Step, tell
from axion_bus.domain.events import EventKind
from axion_bus.errors import DeliveryFailed, StoreConflict, StoreUnavailable
from axion_bus.ports import Changes, Letter, Receipt, Settlement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.delivery import Patience
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Channel, Clock, Outgoing, Store, Transaction

log = structlog.get_logger()

_POLL_S = 0.5
_AFTER_STORE_S = 1.0
_ERROR_CHARACTERS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierSettings:
    """``lease`` must be longer than any channel's own time limit."""

    owner: str
    patience: Patience
    lease: timedelta = timedelta(seconds=330)
    at_a_time: int = 4


class Courier:
    """Delivers over ``channels``. ``queued`` is set when rows were queued in this process."""

    def __init__(
        self,
        *,
        store: Store,
        channels: Mapping[str, Channel],
        outbox: Outbox,
        clock: Clock,
        settings: CourierSettings,
        progress: Progress,
    ) -> None:
        self._store = store
        self._channels = channels
        self._outbox = outbox
        self._clock = clock
        self._settings = settings
        self._progress = progress

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``; what is being sent then is settled first."""
        if not self._channels:
            with self._progress.waiting_for("a stop"):
                await stop.wait()
            return
        async with asyncio.TaskGroup() as group:
            for name, channel in self._channels.items():
                group.create_task(self._serve(name, channel, stop), name=f"courier {name}")

    async def _serve(self, name: str, channel: Channel, stop: asyncio.Event) -> None:
        while not stop.is_set():
            wait_s = _POLL_S
            try:
                if await self._deliver_due(name, channel):
                    continue
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("courier_waits_for_store", channel=name, error=str(exc)[:500])
                wait_s = _AFTER_STORE_S
            with self._progress.waiting_for("messages to people"):
                try:
                    async with asyncio.timeout(wait_s):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def _deliver_due(self, name: str, channel: Channel) -> bool:
        """Deliver a few; whether there were any."""
        now, settings = self._clock.now(), self._settings
        with self._progress.waiting_for("commit"):
            claimed = await self._store.claim(
                name, owner=settings.owner, now=now, lease_until=now + settings.lease, limit=settings.at_a_time
            )
        with self._progress.waiting_for(name):
            await asyncio.gather(*(self.deliver(name, channel, each) for each in claimed))
        return bool(claimed)

    async def deliver(self, name: str, channel: Channel, outgoing: Outgoing) -> Settlement:
        """Send one claimed message, settle it, and return what became of it."""
        started = self._clock.now()
        try:
            receipt = await channel.send(_letter(outgoing))
            settlement = self._delivered(outgoing, started, receipt)
        except DeliveryFailed as exc:
            settlement = self._failed(outgoing, started, exc)
        except Exception as exc:  # noqa: BLE001 - one message that cannot be sent is settled as failed
            settlement = self._failed(outgoing, started, DeliveryFailed(f"{type(exc).__name__}: {exc}", is_permanent=True))

        async def settle(transaction: Transaction) -> None:
            await self._settle(transaction, name, outgoing, settlement)

        await self._store.write(settle)
        return settlement

    def _delivered(self, outgoing: Outgoing, started: datetime, receipt: Receipt) -> Settlement:
        return Settlement(outgoing.guid, outgoing.attempts + 1, started, self._clock.now(), external_id=receipt.external_id)

    def _failed(self, outgoing: Outgoing, started: datetime, failure: DeliveryFailed) -> Settlement:
        now, attempt = self._clock.now(), outgoing.attempts + 1
        queued_at = datetime.fromisoformat(outgoing.metadata["queued_at"])
        again = (
            None
            if failure.is_permanent
            else self._settings.patience.next_attempt_at(
                attempt=attempt, queued_at=queued_at, now=now, retry_after_s=failure.retry_after_s, uniform=random.uniform
            )
        )
        error = f"{'perhaps delivered: ' if failure.is_ambiguous else ''}{failure}"[:_ERROR_CHARACTERS]
        log.warning("message_not_delivered", communication=outgoing.guid, attempt=attempt, error=error, gives_up=again is None)
        return Settlement(outgoing.guid, attempt, started, now, error=error, next_attempt_at=again)

    async def _settle(self, transaction: Transaction, name: str, outgoing: Outgoing, settlement: Settlement) -> None:
        """The row, its attempt and, when it is over, the incident's timeline and event."""
        found = await transaction.incidents_by_guid([outgoing.incident_guid]) if outgoing.incident_guid else ()
        await transaction.settle([settlement])
        if not found or (settlement.error is not None and settlement.next_attempt_at is not None):
            return
        reference = outgoing.metadata["reference"]
        if settlement.error is None:
            step = Step(EventKind.COMMUNICATION_SENT, f"{name} message {reference} sent to {outgoing.recipient}", new=reference)
        else:
            text = f"{name} message {reference} to {outgoing.recipient} failed: {settlement.error}"
            step = Step(EventKind.COMMUNICATION_FAILED, text, new=reference)
        now = self._clock.now()
        told = tell(found[0], [step], reason="delivered" if settlement.error is None else "given_up", now=now)
        await transaction.save(
            Changes(
                changed_incidents=[told.incident],
                timeline=list(told.timeline),
                communications=self._outbox.rows(told.events, now),
            )
        )


def _letter(outgoing: Outgoing) -> Letter:
    metadata = outgoing.metadata
    return Letter(
        guid=outgoing.guid,
        reference=metadata["reference"],
        recipient=outgoing.recipient,
        subject=metadata["subject"],
        text=outgoing.message,
        html=metadata.get("html"),
        incident_guid=outgoing.incident_guid,
    )
