"""Time for tests: a clock that is set by hand, and an event loop whose time passes at once when nothing else is to be done."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """``ports.Clock`` that stands still until it is told otherwise."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        """Go on by ``by``, named as for timedelta: ``advance(minutes=10)``."""
        self.time += timedelta(**by)


@dataclass(slots=True)
class LoopClock(FakeClock):
    """``ports.Clock`` that goes with the running loop's time."""

    def now(self) -> datetime:
        return self.time + timedelta(seconds=asyncio.get_running_loop().time())


async def time_passes(seconds: float) -> None:
    """Let everything that is to happen within ``seconds`` of the virtual loop's time happen."""
    await asyncio.sleep(seconds)


async def until(condition: Callable[[], object], within_s: float = 60) -> None:
    """Let the virtual loop's time pass until ``condition`` holds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s:g} s"
        await asyncio.sleep(0.01)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait: when every task waits for a timer, its time jumps to the first one.

    Minutes of time-outs and retries take milliseconds, always in the same order. Its time begins at 0. Not for real sockets or
    threads: time would pass while they work.
    """

    def __init__(self) -> None:
        self._jumps = _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.passed_s


class _JumpingSelector(selectors.DefaultSelector):
    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("every task waits and no timer runs: nothing would ever happen again")
            self.passed_s += max(timeout, 0)
        return ready
