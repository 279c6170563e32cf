"""Delivering to people: each channel has a line of its own, so that a dead one delays no other.

A line claims what is due as soon as all that it claimed before has begun, and sends it as fast, and as much at a time, as its
channel may; a channel that fails again and again is left alone for a while. One delivery is ``delivery``'s. Run by the daemon.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.delivery import Breaker, Manner
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.pipeline.delivery import Dispatch, Fate
from axion_bus.pipeline.letters import bundles
from axion_bus.pipeline.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.pipeline.delivery import Deliveries
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Channel, Clock, Outgoing, Store

log = structlog.get_logger()

CLAIM_LIMIT = 100
"""How much of a channel's backlog is looked at together: of what says the same to one person, one message is made."""
_BEGIN_WITHIN_S = 30.0
"""What is claimed and has not begun by then goes back: its lease would end while it waits for its turn."""
_POLL_S = 0.5
_AFTER_STORE_S = 1.0
_DEFAULT_MANNER = Manner()


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
        self._deliveries = deliveries
        self._progress = progress
        self._lines = [
            Line(
                name,
                channel,
                manners.get(name, _DEFAULT_MANNER),
                store=store,
                deliveries=deliveries,
                clock=clock,
                progress=progress,
            )
            for name, channel in channels.items()
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``; what is being sent then is settled first. What a killed predecessor had claimed is taken up."""
        await self._begin(stop)
        if not self._lines:
            with self._progress.waiting_for("a stop"):
                await stop.wait()
            return
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.run(stop), name=f"courier {line.name}")

    async def _begin(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                with self._progress.waiting_for("commit"):
                    await self._store.release(self._deliveries.owner)
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("courier_waits_for_store", error=str(exc)[:500])
                await _rest(stop, _AFTER_STORE_S, self._progress, "store")
            else:
                return


class Line:
    """One channel's: what waits for it, at whose turn, and how it is doing."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        manner: Manner,
        *,
        store: Store,
        deliveries: Deliveries,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self.name = name
        self._channel = channel
        self._manner = manner
        self._store = store
        self._deliveries = deliveries
        self._clock = clock
        self._progress = progress
        self._breaker = Breaker()
        self._pace = Pace(manner.rate, manner.concurrency)
        self._left: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop``, and until what is being sent then has ended; what has not begun goes back."""
        async with asyncio.TaskGroup() as sending:
            while not stop.is_set():
                wait_s, awaited = _POLL_S, "messages to people"
                try:
                    await self._give_back()
                    claimed = await self._claim()
                    await self._send_all(claimed, sending, stop)
                    if claimed:
                        continue
                except (StoreUnavailable, StoreConflict) as exc:
                    log.warning("courier_waits_for_store", channel=self.name, error=str(exc)[:500])
                    wait_s, awaited = _AFTER_STORE_S, "store"
                await _rest(stop, wait_s, self._progress, awaited)
        try:
            await self._give_back()
        except (StoreUnavailable, StoreConflict) as exc:
            log.info("leases_left_to_expire", channel=self.name, error=str(exc)[:500])

    async def _claim(self) -> Sequence[Outgoing]:
        """What is due, unless the channel is left alone."""
        if self._breaker.is_open(_now_s()):
            return ()
        now = self._clock.now()
        with self._progress.waiting_for("commit"):
            return await self._store.claim_heads(
                self.name,
                owner=self._deliveries.owner,
                now=now,
                lease_until=now + self._manner.lease,
                limit=CLAIM_LIMIT,
            )

    async def _send_all(self, claimed: Sequence[Outgoing], sending: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        """Begin to send what is claimed, one message for those that say the same, each at its turn."""
        until_s = _now_s() + _BEGIN_WITHIN_S
        for bundle in bundles(claimed) if self._manner.bundles else [[each] for each in claimed]:
            is_a_trial = not self._breaker.is_well
            with self._progress.waiting_for(self.name):
                is_its_turn = await self._pace.turn(stop, until_s)
            if is_its_turn and self._breaker.is_open(_now_s()):
                self._pace.done()
                is_its_turn = False
            if not is_its_turn:
                self._left.extend(each.guid for each in bundle)
            elif is_a_trial:
                await self._send(bundle)
            else:
                sending.create_task(self._send(bundle), name=f"send {self.name}")

    async def _send(self, bundle: Sequence[Outgoing]) -> None:
        try:
            with self._progress.waiting_for(self.name):
                fate = await self._deliveries.deliver(self._channel, Dispatch(name=self.name, manner=self._manner, rows=bundle))
        except (StoreUnavailable, StoreConflict) as exc:
            log.warning("message_not_settled", channel=self.name, error=str(exc)[:500])
            self._left.extend(each.guid for each in bundle)
        except Exception:
            log.exception("message_not_settled", channel=self.name)  # a bug of ours: the lease ends, and it is sent again
        else:
            if fate is not Fate.NOT_OURS:
                self._breaker.note(is_well=fate.is_well, now_s=_now_s())
        finally:
            self._pace.done()

    async def _give_back(self) -> None:
        if self._left:
            with self._progress.waiting_for("commit"):
                await self._store.give_back(self._left, self._deliveries.owner)
            self._left.clear()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _rest(stop: asyncio.Event, seconds: float, progress: Progress, awaited: str) -> None:
    with progress.waiting_for(awaited):
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            return
