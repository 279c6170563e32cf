"""A bus that runs in the test's own loop, as the daemon would run it, and what it delivered; the base of each bus's own station."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from axion_bus.ports import Received

T = TypeVar("T")

TIMEOUT_S = 20.0


async def until(condition: Callable[[], T], what: str | Callable[[], str], timeout_s: float = TIMEOUT_S) -> T:
    """Wait until ``condition`` holds; return its value. Raises TimeoutError that says ``what`` did not come about."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not (value := condition()):
        if loop.time() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what if isinstance(what, str) else what()}")
        await asyncio.sleep(0.002)
    return value


class Bus(Protocol):
    """As much of a bus as this knows."""

    trouble: str | None

    @property
    def is_connected(self) -> bool: ...

    @property
    def connection(self) -> int: ...

    async def run(self) -> None: ...


class Running:
    """Runs ``bus``, which delivers to ``received``; an asynchronous context manager."""

    def __init__(self, bus: Bus, received: list[Received]) -> None:
        self.received = received
        self._runs = bus

    @property
    def bodies(self) -> list[bytes]:
        """What was delivered."""
        return [each.body for each in self.received]

    async def connected(self, number: int = 1) -> Self:
        """Wait until it is connected for the ``number``-th time."""
        bus = self._runs
        await until(
            lambda: self._is_running() and bus.is_connected and bus.connection >= number,
            lambda: f"a connection: {bus.trouble}",
        )
        return self

    async def got(self, count: int) -> list[Received]:
        """Wait until ``count`` messages were delivered."""
        await until(lambda: len(self.received) >= count, lambda: f"{count} messages; there are {len(self.received)}")
        return self.received

    async def in_trouble(self, text: str) -> str:
        """Wait until its trouble has ``text`` in it."""
        bus = self._runs
        await until(lambda: self._is_running() and text in (bus.trouble or ""), lambda: f"trouble with {text}: {bus.trouble}")
        return str(bus.trouble)

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.wait((self._task,), timeout=TIMEOUT_S)

    async def ended(self) -> BaseException | None:
        """Wait until it has ended by itself; what it raised, which then counts as expected."""
        await asyncio.wait((self._task,), timeout=TIMEOUT_S)
        error, self._task = self._task.exception(), asyncio.create_task(asyncio.sleep(0))
        return error

    def _is_running(self) -> bool:
        if self._task.done():
            raise RuntimeError("the bus has ended") from self._task.exception()
        return True

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._runs.run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
        if exc is None and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error
