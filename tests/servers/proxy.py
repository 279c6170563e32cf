"""A TCP proxy of ours between two servers: it cuts, freezes, delays and refuses, and can show what passes to an observer.

It runs on an event loop in a thread of its own, so that tests with and without a loop can use it; its methods return when done.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from tests.servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from types import TracebackType

    Seen = Callable[[bytes], None]

T = TypeVar("T")


class Observer(Protocol):
    """Sees the bytes of one connection before they are passed on; called in the proxy's thread, in order.

    Of the proxy's methods it may call ``freeze_at_once`` only: the others wait for that thread.
    """

    def upstream(self, data: bytes) -> None:
        """Bytes from the client."""

    def downstream(self, data: bytes) -> None:
        """Bytes from the server."""


class TcpProxy:
    """Forwards 127.0.0.1:``port`` to 127.0.0.1:``target``; a context manager. ``observe`` makes an observer for each connection."""

    def __init__(self, target: int, *, observe: Callable[[], Observer] | None = None) -> None:
        self.target = target
        self.port = free_port()
        self.connections = 0
        self._observe = observe
        self._delay_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""
        self._call(self._cut())

    def refuse(self) -> None:
        """Reset every connection and refuse new ones, until ``accept``."""
        self._call(self._close())

    def accept(self) -> None:
        """Take connections again after ``refuse``."""
        self._call(self._listen())

    def freeze(self, *, upstream: bool = True, downstream: bool = True) -> None:
        """Half-open, until ``thaw``: connections stay and new ones are taken, but nothing gets through to the server or client."""
        self._call(self._set_frozen(upstream=upstream, downstream=downstream))

    def freeze_at_once(self, *, upstream: bool = True, downstream: bool = True) -> None:
        """``freeze`` for an observer: nothing that comes behind what it is looking at gets through."""
        for event, frozen in ((self._up, upstream), (self._down, downstream)):
            if frozen:
                event.clear()
            else:
                event.set()

    def thaw(self) -> None:
        """Pass on again, first what waited."""
        self._call(self._set_frozen(upstream=False, downstream=False))

    def delay(self, seconds: float) -> None:
        """Hold each piece back for so long before it is passed on."""
        self._delay_s = seconds

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _open(self) -> None:
        self._up, self._down = asyncio.Event(), asyncio.Event()
        await self._set_frozen(upstream=False, downstream=False)
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _shut(self) -> None:
        await self._close()
        await self._set_frozen(upstream=False, downstream=False)
        # a connection that is just being accepted is seen only after its first turns of the loop
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await self._cut()
            await asyncio.wait(others)

    async def _set_frozen(self, *, upstream: bool, downstream: bool) -> None:
        self.freeze_at_once(upstream=upstream, downstream=downstream)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        async with self._open_end(client):
            try:
                server_reader, server = await asyncio.open_connection("127.0.0.1", self.target)
            except OSError:
                return
            observer = self._observe() if self._observe else None
            async with self._open_end(server):
                await asyncio.gather(
                    self._forward(client_reader, server, self._up, observer.upstream if observer else None),
                    self._forward(server_reader, client, self._down, observer.downstream if observer else None),
                )

    @asynccontextmanager
    async def _open_end(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unfrozen: asyncio.Event, seen: Seen | None
    ) -> None:
        with suppress(OSError):  # one end is gone, and so is the other at the end
            while data := await reader.read(65536):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await unfrozen.wait()
                if seen is not None:
                    seen(data)
                writer.write(data)
                await writer.drain()
        await unfrozen.wait()  # nor does the end of a connection get through while it is frozen
        writer.close()
