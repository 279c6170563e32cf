"""Serving the text over HTTP/1.1, as much of it as a scrape needs: one GET, one answer, and the connection is closed.

Why it is ours: docs/adr/0013. Bounded in time, size and number; a client that does nothing makes way for the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from axion_bus.telemetry.exposition import CONTENT_TYPE
from axion_bus.telemetry.waiting import stops_within

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()

PATH = "/metrics"
MAX_CONNECTIONS = 32
MAX_HEAD_BYTES = 8192
PATIENCE_S = 5.0
BIND_AGAIN_S = 30.0


class Server:
    """Answers on ``host`` and ``port`` with what ``text`` gives."""

    def __init__(
        self, host: str, port: int, text: Callable[[], bytes], *, patience_s: float = PATIENCE_S, bind_again_s: float = BIND_AGAIN_S
    ) -> None:
        self._host = host
        self._port = port
        self._text = text
        self._patience_s = patience_s
        self._bind_again_s = bind_again_s
        self._answering: dict[asyncio.Task[None], None] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``. While the port is somebody else's, say so and look again: the daemon has more to do than this."""
        async with asyncio.TaskGroup() as group:
            server = await self._bind(group, stop)
            if server is None:
                return
            log.info("metrics_served", host=self._host, port=self._port, path=PATH)
            try:
                await stop.wait()
            finally:
                server.close()
            for task in self._answering:
                task.cancel()

    async def _bind(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> asyncio.Server | None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._accept(group, reader, writer)

        while not stop.is_set():
            try:
                return await asyncio.start_server(accept, self._host, self._port, limit=MAX_HEAD_BYTES)
            except OSError as exc:
                error, retry_s = exc.strerror or str(exc), self._bind_again_s
                log.warning("metrics_not_served", host=self._host, port=self._port, error=error, retry_s=retry_s)
            await stops_within(stop, self._bind_again_s)
        return None

    def _accept(self, group: asyncio.TaskGroup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer beside the others; of too many the oldest is dropped: a scrape takes milliseconds, so that one does nothing."""
        if len(self._answering) >= MAX_CONNECTIONS:
            oldest = next(iter(self._answering))
            del self._answering[oldest]
            oldest.cancel()
        task = group.create_task(self._answer(reader, writer), name="metrics-answer")
        self._answering[task] = None

        def ended(task: asyncio.Task[None]) -> None:
            self._answering.pop(task, None)
            writer.transport.abort()  # here, because a task that is cancelled before its first step never reaches its own end

        task.add_done_callback(ended)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                writer.write(await self._response(reader))
                await writer.drain()
                writer.write_eof()
                while await reader.read(MAX_HEAD_BYTES):  # closing before the request is read would reset the answer away
                    continue
        except (TimeoutError, OSError):
            return

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response("431 Request Header Fields Too Large", b"the request is too large\n")
        except asyncio.IncompleteReadError:
            return b""
        match head.partition(b"\r\n")[0].split(b" "):
            case [b"GET" | b"HEAD" as method, target, b"HTTP/1.0" | b"HTTP/1.1"]:
                return self._resource(target.partition(b"?")[0], is_head=method == b"HEAD")
            case [_, _, b"HTTP/1.0" | b"HTTP/1.1"]:
                return _response("405 Method Not Allowed", b"only GET and HEAD\n", more="Allow: GET, HEAD\r\n")
        return _response("400 Bad Request", b"this is no HTTP/1.1 request\n")

    def _resource(self, path: bytes, *, is_head: bool) -> bytes:
        if path != PATH.encode():
            return _response("404 Not Found", f"the metrics are at {PATH}\n".encode(), is_head=is_head)
        try:
            text = self._text()
        except Exception:
            log.exception("metrics_not_written")  # a bug of ours: one scrape fails, the daemon has more to do than this
            return _response("500 Internal Server Error", b"see the log\n", is_head=is_head)
        return _response("200 OK", text, content_type=CONTENT_TYPE, is_head=is_head)


def _response(
    status: str, body: bytes, *, content_type: str = "text/plain; charset=utf-8", more: str = "", is_head: bool = False
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    return head.encode() + (b"" if is_head else body)
