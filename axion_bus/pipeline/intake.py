"""Forming batches of what the buses deliver, and holding the buses back when too much is unacknowledged.

``deliver`` is called by the buses and never raises; ``next_batch`` and ``done`` by record.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Bus, Received

MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_HELD_BYTES = 32 * 1024 * 1024


class Intake:
    """The queue between the buses and record. Bounded by pausing the buses, by count and by bytes."""

    def __init__(self, *, batch_size: int, batch_wait_s: float, high_water: int, progress: Progress) -> None:
        self._batch_size = batch_size
        self._batch_wait_s = batch_wait_s
        self._high_water = high_water
        self._progress = progress
        self._buses: tuple[Bus, ...] = ()
        self._queue: deque[Received] = deque()
        self._arrivals: deque[datetime] = deque()
        self._arrived = asyncio.Event()
        self._held = 0
        self._held_bytes = 0
        self._paused = False
        self._closed = False

    @property
    def held(self) -> int:
        """How many messages were delivered and are not yet accepted."""
        return self._held

    @property
    def held_bytes(self) -> int:
        """How large they are together."""
        return self._held_bytes

    @property
    def is_paused(self) -> bool:
        """Whether the buses are held back."""
        return self._paused

    @property
    def oldest_at(self) -> datetime | None:
        """When the one that waits longest was received; they are accepted in order of arrival."""
        return self._arrivals[0] if self._arrivals else None

    def feed_from(self, buses: Iterable[Bus]) -> None:
        """Name the buses that are held back when too much is held here."""
        self._buses = tuple(buses)

    def deliver(self, received: Received) -> None:
        """Take one message in. Pauses the buses at the high-water mark."""
        if self._closed:
            return
        self._queue.append(received)
        self._arrivals.append(received.received_at)
        self._held += 1
        self._held_bytes += len(received.body)
        self._arrived.set()
        if self._held >= self._high_water or self._held_bytes >= MAX_HELD_BYTES:
            self._hold_back(True)

    def done(self, batch: Sequence[Received]) -> None:
        """``batch`` is accepted. Resumes the buses at half the high-water mark."""
        self._held -= len(batch)
        self._held_bytes -= sum(len(received.body) for received in batch)
        while self._arrivals and len(self._arrivals) > self._held:
            self._arrivals.popleft()
        if self._held <= self._high_water // 2 and self._held_bytes <= MAX_HELD_BYTES // 2:
            self._hold_back(False)

    def _hold_back(self, wanted: bool) -> None:
        if self._paused is wanted:
            return
        self._paused = wanted
        for bus in self._buses:
            if wanted:
                bus.pause()
            else:
                bus.resume()

    async def next_batch(self, stop: asyncio.Event, before: asyncio.Future[Any] | None = None) -> list[Received]:
        """The next messages, in order of arrival: at least one, unless ``stop`` is set; then none.

        What has arrived is taken at once; while more keeps arriving the batch waits for it, ``batch_wait_s`` at most. So a lone
        message is not delayed, and a flood fills batches. Until the batch ``before`` is written, only a full one is handed out.
        """
        if before is not None:
            before.add_done_callback(lambda _: self._arrived.set())
        while not stop.is_set() and len(self._queue) < (1 if before is None or before.done() else self._batch_size):
            await self._wait_for_arrival(before)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._batch_wait_s
        seen = 0
        while seen < len(self._queue) < self._batch_size and loop.time() < deadline:
            seen = len(self._queue)
            await asyncio.sleep(0)
        return [] if stop.is_set() else self._take()

    def _take(self) -> list[Received]:
        batch: list[Received] = []
        size = 0
        while self._queue and len(batch) < self._batch_size and size < MAX_BATCH_BYTES:
            received = self._queue.popleft()
            batch.append(received)
            size += len(received.body)
        return batch

    async def _wait_for_arrival(self, before: asyncio.Future[Any] | None) -> None:
        self._arrived.clear()
        is_idle = before is None or before.done()  # else it says itself what it waits for
        with self._progress.waiting_for("messages") if is_idle else nullcontext():
            await self._arrived.wait()

    def close(self) -> None:
        """Take nothing more, and let ``next_batch`` see that its stop is set.

        What comes now stays unacknowledged and is delivered again, to the next start. The buses are read on: what the relay has
        sent is still to be acknowledged.
        """
        self._closed = True
        self._arrived.set()
        self._hold_back(False)
