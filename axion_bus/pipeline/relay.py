"""The outbox onto a bus: claim PENDING rows, publish, settle by the broker's PUBACK. Of one incident never two at a time.

Each bus has a relay of its own, with its own rows: one that is away holds up no other.

Nothing is sent inside a transaction, and nothing is SENT before the broker has said so. What is claimed and not settled when
the daemon dies is claimed again: by this instance at its next start, by another when the lease is over.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.communication import Channel
from axion_bus.errors import BusUnavailable, StoreConflict, StoreUnavailable
from axion_bus.pipeline.sending import Sending
from axion_bus.ports import UNMEASURED, Settlement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Clock, Meter, Outgoing, Projection, Publisher, Store

log = structlog.get_logger()

CLAIM_LIMIT = 500
ANSWER_ATTEMPTS = 10
"""An answer that the broker does not take so often is given up: nobody counts on it, and whoever asked chose its topic."""
_POLL_S = 0.5
_RETRY_AFTER_STORE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """How the relay sends the rows of ``channel``.

    ``lease`` is longer than ``attempt_timeout_s``; what it does not suffice for is claimed anew.
    """

    owner: str
    channel: Channel = Channel.MQTT
    attempt_timeout_s: float = 10.0
    lease: timedelta = timedelta(seconds=30)
    retry_base_s: float = 1.0
    retry_max_s: float = 300.0
    max_outstanding: int = 100


class Relay:
    """Publishes the events of this database while its bus is connected. ``wake`` is set when rows were queued in this process."""

    def __init__(
        self,
        *,
        store: Store,
        publisher: Publisher,
        mirror: Projection,
        clock: Clock,
        settings: RelaySettings,
        progress: Progress,
        wake: asyncio.Event,
        meter: Meter = UNMEASURED,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._mirror = mirror
        self._clock = clock
        self._settings = settings
        self._progress = progress
        self._wake = wake
        self._meter = meter
        self._settled: list[Settlement] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until ``stop``; what was claimed is settled or released before it returns."""
        released = False
        while not stop.is_set():
            try:
                if not released:
                    await self._release()
                    released = True
                await self._relay_all(stop)
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("relay_waits_for_store", error=str(exc)[:500])
                released = False  # what was claimed and could not be settled is sent again at once
                await self._pause(stop, _RETRY_AFTER_STORE_S, "store")
            except BusUnavailable as exc:
                log.info("relay_waits_for_bus", error=str(exc))
            await self._pause(stop, _POLL_S)
        try:
            await self._settle_rest()
            await self._release()
        except (StoreUnavailable, StoreConflict) as exc:
            log.info("leases_left_to_expire", error=str(exc)[:500])

    async def _relay_all(self, stop: asyncio.Event) -> None:
        """Publish until nothing is due, then bring the retained state up to date."""
        await self._settle_rest()
        if not self._publisher.is_connected:
            return
        with self._progress.waiting_for("broker"):
            await self._mirror.resynchronise()
        while not stop.is_set() and self._publisher.is_connected and await self._relay_once(stop):
            await self._refresh()
        await self._refresh()

    async def _refresh(self) -> None:
        with self._progress.waiting_for("broker"):
            await self._mirror.refresh(self._clock.now())

    async def _relay_once(self, stop: asyncio.Event) -> bool:
        """Claim and publish once, and settle; whether there is more, at once. Then it is settled with the next claim."""
        if not stop.is_set():
            self._wake.clear()
        claimed, deadline_s = await self._claim()
        if not claimed:
            return False
        self._settled = await self._publish(claimed, deadline_s, stop)
        self._mirror.changed = True
        is_all = len(self._settled) == len(claimed)
        has_failed = any(each.error is not None for each in self._settled)
        # fewer were all there were, but for those that wait for another daemon
        has_more = self._wake.is_set() or len(claimed) > CLAIM_LIMIT // 2
        if is_all and has_more and not has_failed:
            return True
        await self._settle_rest()
        if not is_all:
            await self._release()
        return False

    async def _settle_rest(self) -> None:
        settled, self._settled = self._settled, []
        if settled:
            with self._progress.waiting_for("commit"):
                await self._store.settle(settled)

    async def _claim(self) -> tuple[Sequence[Outgoing], float]:
        """What is due, leased; and until when, in the loop's time, another attempt surely ends before the lease does."""
        now, now_s, settings = self._clock.now(), asyncio.get_running_loop().time(), self._settings
        settled, self._settled = self._settled, []
        with self._progress.waiting_for("commit"):
            claimed = await self._store.claim(
                settings.channel,
                owner=settings.owner,
                now=now,
                lease_until=now + settings.lease,
                limit=CLAIM_LIMIT,
                settled=settled,
            )
        return claimed, now_s + settings.lease.total_seconds() - settings.attempt_timeout_s

    async def _publish(self, claimed: Sequence[Outgoing], deadline_s: float, stop: asyncio.Event) -> list[Settlement]:
        """Publish ``claimed``; what is not begun by ``deadline_s`` is left: its lease would end while it is being sent."""
        loop = asyncio.get_running_loop()
        sending = Sending(
            claimed,
            send=self._send,
            settle=self._settlement,
            may_begin=lambda: self._publisher.is_connected and loop.time() < deadline_s and not stop.is_set(),
            clock=self._clock,
            most=self._settings.max_outstanding,
            attempt_timeout_s=self._settings.attempt_timeout_s,
        )
        with self._progress.waiting_for("broker"):
            return await sending.run(stop)

    def _send(self, outgoing: Outgoing) -> asyncio.Future[None]:
        try:
            if outgoing.is_event:
                self._mirror.show(outgoing)
            return self._publisher.publish(
                outgoing.recipient, outgoing.message.encode(), is_event=outgoing.is_event, correlation=outgoing.correlation
            )
        except Exception as exc:  # noqa: BLE001 - one row that cannot be sent is settled as failed, and stops its own lane only
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(exc)
            return failed

    def _settlement(self, sent: Outgoing, future: asyncio.Future[None], started: datetime) -> Settlement:
        attempt, finished = sent.attempts + 1, self._clock.now()
        error = _error(future)
        is_over = not sent.is_event and attempt >= ANSWER_ATTEMPTS
        status = "sent" if error is None else "given_up" if is_over else "postponed"
        self._meter.sent(self._settings.channel, status, (finished - started).total_seconds())
        if error is None:
            return Settlement(sent.guid, attempt, started, finished)
        log.warning("event_not_published", communication=sent.guid, topic=sent.recipient, attempt=attempt, error=error)
        again = None if is_over else finished + timedelta(seconds=self._backoff_s(attempt))
        return Settlement(sent.guid, attempt, started, finished, error=error, next_attempt_at=again)

    def _backoff_s(self, attempt: int) -> float:
        """Exponential, capped, jittered over nine tenths. A bus event is never given up: subscribers count on the sequence."""
        ceiling = min(self._settings.retry_max_s, self._settings.retry_base_s * 2 ** min(attempt - 1, 16))
        return random.uniform(ceiling / 10, ceiling)  # noqa: S311 - jitter, not a secret

    async def _pause(self, stop: asyncio.Event, seconds: float, what: str = "events") -> None:
        """Wait for rows of this process, ``stop`` (which wakes us too), or the next look for those of others."""
        with self._progress.waiting_for(what):
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        if not stop.is_set():
            self._wake.clear()

    async def _release(self) -> None:
        with self._progress.waiting_for("commit"):
            await self._store.release(self._settings.owner)


def _error(future: asyncio.Future[None]) -> str | None:
    if not future.done():
        future.cancel()
        return "the broker did not acknowledge it in time"
    exc = future.exception()
    return None if exc is None else str(exc) or type(exc).__name__
