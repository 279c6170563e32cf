"""What is to be written to a bus's socket, in order, as far as the bus takes it. A full socket buffer is waited for, not an end.

Bounded, and watched: a bus that takes nothing is given up. Used by ``link`` only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MAX_UNSENT_BYTES = 32 * 1024 * 1024
STALLED_AFTER_S = 10.0
"""How long the bus may take nothing of what is to be written before the connection is given up."""


class Writer:
    """``give_up`` is called, with the reason, when the socket is of no use any more; then ``close`` is to be called."""

    def __init__(self, sock: socket.socket, *, give_up: Callable[[str], None]) -> None:
        self._sock = sock
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        self._written = 0
        self._sending: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._is_waiting = False
        self._watch: asyncio.TimerHandle | None = None

    def write(self, data: bytes | bytearray) -> asyncio.Future[None]:
        """The future ends when the socket has all of ``data``, or with BusUnavailable."""
        future: asyncio.Future[None] = self._loop.create_future()
        if len(self._unsent) + len(data) > MAX_UNSENT_BYTES:
            return fail(future, BusUnavailable(f"the bus takes nothing: {len(self._unsent)} bytes wait for it"))
        self._unsent += data
        self._sending.append((self._written + len(self._unsent), future))
        if not self._is_waiting:
            self._write()
        return future

    async def flush(self, timeout_s: float) -> None:
        """Wait until all is written, ``timeout_s`` at most."""
        if self._sending:
            await asyncio.wait((self._sending[-1][1],), timeout=timeout_s)

    def close(self, reason: BusUnavailable) -> None:
        """Everything that still waits waits in vain."""
        self._stop_waiting()
        self._unsent.clear()
        while self._sending:
            fail(self._sending.popleft()[1], reason)

    def _write(self) -> None:
        try:
            while self._unsent:
                count = self._sock.send(self._unsent)
                del self._unsent[:count]
                self._written += count
        except (BlockingIOError, InterruptedError):  # dbus-next takes this for the end (its issue 153)
            self._wait_until_writable()
        except OSError as exc:
            self._give_up(f"ended by the bus: {exc}")
            return
        else:
            self._stop_waiting()
        while self._sending and self._sending[0][0] <= self._written:
            future = self._sending.popleft()[1]
            if not future.done():
                future.set_result(None)

    def _wait_until_writable(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._loop.add_writer(self._sock.fileno(), self._write)
            self._watch = self._loop.call_later(STALLED_AFTER_S, self._look, self._written)

    def _stop_waiting(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._loop.remove_writer(self._sock.fileno())
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look(self, written: int) -> None:
        if self._written == written:
            self._give_up(f"the bus has taken nothing for {STALLED_AFTER_S:g} s")
        else:
            self._watch = self._loop.call_later(STALLED_AFTER_S, self._look, self._written)


def fail(future: asyncio.Future[Any], exc: BusUnavailable) -> asyncio.Future[Any]:
    """End ``future`` with ``exc``, unless it has ended. Nobody need look at it."""
    if not future.done():
        future.set_exception(exc)
        future.exception()
    return future
