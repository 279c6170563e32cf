"""What waits for a channel that nobody serves: given up after the whole budget of tries, so that it does not wait for ever, unseen.

Not at once: another daemon on the same database may have the channel, and be away for a while. Run by the daemon.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from axion_bus.errors import StoreConflict, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Clock, Store

log = structlog.get_logger()

LOOK_EVERY_S = 600.0
_AFTER_STORE_S = 1.0


class Abandoned:
    """``gone`` are channels that this daemon does not serve, each with what to say of that."""

    def __init__(self, *, store: Store, gone: Mapping[str, str], budget: timedelta, clock: Clock, progress: Progress) -> None:
        self._store = store
        self._gone = gone
        self._budget = budget
        self._clock = clock
        self._progress = progress

    async def run(self, stop: asyncio.Event) -> None:
        """Look at the start, and now and then until ``stop``."""
        while not stop.is_set():
            try:
                await self._give_up()
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("abandoned_waits_for_store", error=str(exc)[:500])
                await self._rest(stop, _AFTER_STORE_S, "store")
            else:
                await self._rest(stop, min(LOOK_EVERY_S, self._budget.total_seconds()), "what nobody sends")

    async def _give_up(self) -> None:
        before = self._clock.now() - self._budget
        for name, why in self._gone.items():
            with self._progress.waiting_for("commit"):
                number = await self._store.abandon(name, why, before)
            if number:
                log.warning("messages_abandoned", channel=name, number=number, error=why)

    async def _rest(self, stop: asyncio.Event, seconds: float, awaited: str) -> None:
        with self._progress.waiting_for(awaited):
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                return
