"""Delivering to people: each channel has a task of its own, so that a dead one delays no other.

Claims what is PENDING, as much as its channel may send at a time and as fast; a channel that fails again and again is left alone
for a while. One delivery and what becomes of it is ``delivery``'s. Run by the daemon.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.delivery import Breaker, Manner
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.pipeline.delivery import bundles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.pipeline.delivery import Deliveries
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Channel, Clock, Outgoing, Store

log = structlog.get_logger()

CLAIM_LIMIT = 100
"""How much of a channel's backlog is looked at together: of what says the same to one person, one message is made."""
_POLL_S = 0.5
_AFTER_STORE_S = 1.0
_DEFAULT_MANNER = Manner()


@dataclass(slots=True)
class _Pace:
    """Gives out moments, ``rate`` a second; the first at once."""

    rate: float
    _next_s: float = 0.0

    async def wait(self) -> None:
        """Wait for the next moment."""
        now_s = asyncio.get_running_loop().time()
        at_s = max(self._next_s, now_s)
        self._next_s = at_s + 1 / self.rate
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)


class Courier:
    """Delivers over ``channels``, each in its own ``manners``."""

    def __init__(
        self,
        *,
        store: Store,
        channels: Mapping[str, Channel],
        manners: Mapping[str, Manner],
        deliveries: Deliveries,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._store = store
        self._channels = channels
        self._manners = manners
        self._deliveries = deliveries
        self._clock = clock
        self._progress = progress

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``; what is being sent then is settled first. What a killed predecessor had claimed is taken up."""
        if not self._channels:
            with self._progress.waiting_for("a stop"):
                await stop.wait()
            return
        await self._release(stop)
        async with asyncio.TaskGroup() as group:
            for name, channel in self._channels.items():
                group.create_task(self._serve(name, channel, stop), name=f"courier {name}")

    async def _release(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                with self._progress.waiting_for("commit"):
                    await self._store.release(self._deliveries.owner)
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("courier_waits_for_store", error=str(exc)[:500])
                await self._rest(stop, _AFTER_STORE_S)
            else:
                return

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        with self._progress.waiting_for("messages to people"):
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                return

    async def _serve(self, name: str, channel: Channel, stop: asyncio.Event) -> None:
        manner = self._manners.get(name, _DEFAULT_MANNER)
        breaker, pace = Breaker(), _Pace(manner.rate)
        slots = asyncio.Semaphore(manner.concurrency)
        while not stop.is_set():
            wait_s = _POLL_S
            try:
                claimed = (
                    [] if breaker.is_open(self._clock.now()) else await self._claim(name, CLAIM_LIMIT if breaker.is_well else 1)
                )
                if claimed:
                    with self._progress.waiting_for(name):
                        await self._send_all(name, channel, claimed, (breaker, pace, slots), stop)
                    continue
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("courier_waits_for_store", channel=name, error=str(exc)[:500])
                wait_s = _AFTER_STORE_S
            await self._rest(stop, wait_s)

    async def _claim(self, name: str, limit: int) -> Sequence[Outgoing]:
        now = self._clock.now()
        with self._progress.waiting_for("commit"):
            return await self._store.claim(
                name, owner=self._deliveries.owner, now=now, lease_until=now + self._deliveries.lease, limit=limit
            )

    async def _send_all(
        self,
        name: str,
        channel: Channel,
        claimed: Sequence[Outgoing],
        means: tuple[Breaker, _Pace, asyncio.Semaphore],
        stop: asyncio.Event,
    ) -> None:
        """Send what is claimed, one message for those that say the same; what the stop or the breaker leaves goes back."""
        breaker, pace, slots = means
        holds = self._manners.get(name, _DEFAULT_MANNER).holds_ambiguous

        async def send(bundle: Sequence[Outgoing]) -> None:
            async with slots:
                await pace.wait()
                if stop.is_set() or breaker.is_open(self._clock.now()):
                    left.extend(bundle)
                    return
                try:
                    settlement = await self._deliveries.deliver(name, channel, bundle, holds_ambiguous=holds)
                except (StoreUnavailable, StoreConflict) as exc:
                    log.warning("message_not_settled", channel=name, error=str(exc)[:500])  # its lease ends, and it is sent again
                    return
                breaker.note(is_well=settlement.error is None or settlement.next_attempt_at is None, now=self._clock.now())

        left: list[Outgoing] = []
        async with asyncio.TaskGroup() as group:
            for bundle in bundles(claimed):
                group.create_task(send(bundle), name=f"send {name}")
        if left:
            await self._store.give_back([each.guid for each in left])
