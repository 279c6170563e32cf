"""Turns of a channel: so many deliveries at a time, so many a second. Used by the courier's lines, and by the manager's post."""

from __future__ import annotations

import asyncio
import math

_LOOK_FOR_STOP_S = 0.5


class Pace:
    """Gives out turns, the first at once; each lasts until it is ``done``."""

    def __init__(self, rate: float, concurrency: int) -> None:
        self._every_s = 1 / rate
        self._next_s = 0.0
        self._places = asyncio.Semaphore(concurrency)

    async def turn(self, stop: asyncio.Event, until_s: float = math.inf) -> bool:
        """Wait for the next turn; False: there is none before ``stop``, or before ``until_s`` of the loop's time."""
        while not stop.is_set() and self._begins_at_s() < until_s:
            try:
                async with asyncio.timeout(_LOOK_FOR_STOP_S):
                    await self._places.acquire()
            except TimeoutError:
                continue
            if await self._moment(stop):
                return True
            self._places.release()
        return False

    def _begins_at_s(self) -> float:
        return max(self._next_s, asyncio.get_running_loop().time())

    async def _moment(self, stop: asyncio.Event) -> bool:
        now_s, at_s = asyncio.get_running_loop().time(), self._begins_at_s()
        self._next_s = at_s + self._every_s
        if at_s > now_s:
            try:
                async with asyncio.timeout(at_s - now_s):
                    await stop.wait()
            except TimeoutError:
                pass
        return not stop.is_set()

    def done(self) -> None:
        """A turn is over."""
        self._places.release()
