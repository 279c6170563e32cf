"""Sending what was claimed: of each incident one event at a time, of all incidents many, the next as soon as one is acknowledged.

Knows neither the store nor the bus: it is given what begins an attempt and what settles one. Used by the relay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from axion_bus.ports import Clock, Outgoing, Settlement

_LOOK_FOR_STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The head of ``lane`` is under way; ``until_s``, in the loop's time, it is waited for."""

    lane: deque[Outgoing]
    started: datetime
    until_s: float


class Sending:
    """``send`` begins an attempt, and its future ends it; ``settle`` says what became of it; ``may_begin`` is asked before each.

    A lane goes on only when its head is delivered. What is not begun is left as it is.
    """

    def __init__(
        self,
        claimed: Iterable[Outgoing],
        *,
        send: Callable[[Outgoing], asyncio.Future[None]],
        settle: Callable[[Outgoing, asyncio.Future[None], datetime], Settlement],
        may_begin: Callable[[], bool],
        clock: Clock,
        most: int,
        attempt_timeout_s: float,
    ) -> None:
        self._lanes = lanes(claimed)
        self._send = send
        self._settle = settle
        self._may_begin = may_begin
        self._clock = clock
        self._most = most
        self._attempt_timeout_s = attempt_timeout_s
        self._loop = asyncio.get_running_loop()
        self._under_way: dict[asyncio.Future[None], _Attempt] = {}
        self._all_ended = asyncio.Event()
        self._settlements: list[Settlement] = []

    async def run(self, stop: asyncio.Event) -> list[Settlement]:
        """Send until nothing is left, nothing may begin, or ``stop`` is set, which is seen within a second."""
        self._begin()
        while self._under_way and not stop.is_set():
            await self._wait()
        for future in list(self._under_way):
            self._end(future)
        return self._settlements

    async def _wait(self) -> None:
        oldest = next(iter(self._under_way.values()))
        try:
            async with asyncio.timeout(min(oldest.until_s - self._loop.time(), _LOOK_FOR_STOP_S)):
                await self._all_ended.wait()
        except TimeoutError:
            now_s = self._loop.time()
            for future in [each for each, attempt in self._under_way.items() if attempt.until_s <= now_s]:
                self._end(future)

    def _begin(self) -> None:
        while self._lanes and len(self._under_way) < self._most and self._may_begin():
            lane, started = self._lanes.popleft(), self._clock.now()
            future = self._send(lane[0])
            self._under_way[future] = _Attempt(lane, started, self._loop.time() + self._attempt_timeout_s)
            future.add_done_callback(self._end)

    def _end(self, future: asyncio.Future[None]) -> None:
        attempt = self._under_way.pop(future, None)
        if attempt is None:
            return  # it was given up before it ended
        settlement = self._settle(attempt.lane.popleft(), future, attempt.started)
        self._settlements.append(settlement)
        if attempt.lane and settlement.error is None:
            self._lanes.append(attempt.lane)
        self._begin()
        if not self._under_way:
            self._all_ended.set()


def lanes(claimed: Iterable[Outgoing]) -> deque[deque[Outgoing]]:
    """The events of ``claimed`` by incident, each lane in the order of its sequence; anything else has a lane of its own.

    An answer holds no event up: whoever asked chose its topic, which the broker may refuse.
    """
    found: dict[str, list[Outgoing]] = {}
    for each in claimed:
        is_ordered = each.sequence is not None and each.incident_guid is not None
        found.setdefault(str(each.incident_guid) if is_ordered else each.guid, []).append(each)
    return deque(deque(sorted(lane, key=lambda each: each.sequence or 0)) for lane in found.values())
