"""A broker that says what a test tells it to, for what a real one never does: garbage, refusals, silence, half a packet.

It runs on the test's own event loop. A script is a coroutine function that is given each connection as a ``Visit``; the packets
are made by hand, with ``tests.chaos.wire``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.chaos.wire import Kind, Packet, Packets, mid_of, packet

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    Script = Callable[["Visit"], Awaitable[None]]

TIMEOUT_S = 15.0
GRANTED_QOS_1 = 1


class Left(Exception):
    """The client left, with or without DISCONNECT."""


class Visit:
    """One connection of a client. ``seen`` has every packet of it that was read; ``is_closed``: it has closed its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen: list[Packet] = []
        self.protocol = 5
        self.is_closed = False
        self._reader = reader
        self._writer = writer
        self._arrived: asyncio.Queue[Packet | None] = asyncio.Queue()

    @property
    def unread(self) -> int:
        """How many packets have arrived that were not read yet."""
        return self._arrived.qsize()

    def send(self, *data: bytes) -> None:
        """Send ``data``, whole packets or not, in one piece."""
        self._writer.write(b"".join(data))

    async def written(self) -> None:
        """Wait until what was sent has been handed to the system."""
        await self._writer.drain()
        await asyncio.sleep(0)

    async def next(self) -> Packet:
        """The client's next packet. Raises Left when it was DISCONNECT, or there is none any more."""
        async with asyncio.timeout(TIMEOUT_S):
            packet = await self._arrived.get()
        if packet is None:
            raise Left
        self.seen.append(packet)
        if packet.kind == Kind.DISCONNECT:
            raise Left
        return packet

    async def listen(self) -> None:
        """Take in what the client sends, until it closes the connection."""
        packets = Packets()
        with suppress(ConnectionError):
            while data := await self._reader.read(65536):
                for packet in packets.feed(data):
                    self._arrived.put_nowait(packet)
        self.is_closed = True
        self._arrived.put_nowait(None)

    async def wait_for(self, kind: Kind) -> Packet:
        """The client's next packet of that kind; what comes before it is left unanswered."""
        while (packet := await self.next()).kind != kind:
            pass
        return packet

    async def accept(self, *, session_present: bool = False, properties: bytes = b"") -> Packet:
        """Read CONNECT and accept it."""
        connect = await self.wait_for(Kind.CONNECT)
        self.protocol = connect.body[6]
        self.send(connack(session_present=session_present, properties=properties, protocol=self.protocol))
        return connect

    async def refuse(self) -> None:
        """Read CONNECT and do not let it in: bad user name or password."""
        connect = await self.wait_for(Kind.CONNECT)
        protocol = connect.body[6]
        self.send(connack(reason=0x86 if protocol == 5 else 4, protocol=protocol))

    async def grant(self, reason: int = GRANTED_QOS_1) -> Packet:
        """Read SUBSCRIBE and give the same answer to each of its filters."""
        subscribe = await self.wait_for(Kind.SUBSCRIBE)
        self.send(suback(subscribe, [reason] * len(filters_of(subscribe, self.protocol)), protocol=self.protocol))
        return subscribe

    async def serve(self) -> None:
        """Answer as a broker does that has nothing to say of its own, until the client leaves."""
        while True:
            self.answer(await self.next())

    def answer(self, request: Packet) -> None:
        """Answer one packet as a broker does; CONNECT is not answered."""
        if request.kind == Kind.SUBSCRIBE:
            self.send(suback(request, [GRANTED_QOS_1] * len(filters_of(request, self.protocol)), protocol=self.protocol))
        elif request.kind == Kind.PUBLISH and request.flags & 6:
            self.send(puback(mid_of_publish(request)))
        elif request.kind == Kind.PINGREQ:
            self.send(packet(Kind.PINGRESP, b""))

    def cut(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()


class ScriptedBroker:
    """Listens on ``port`` of 127.0.0.1; an asynchronous context manager.

    Each connection is given to the next of ``scripts``, and when they are used up to the last one. When its script returns, the
    connection is closed. ``visits`` has all connections; an exception in a script, but Left, is raised at the end. With a ``tls``
    context it is reached as localhost.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.visits: list[Visit] = []
        self._tls = tls
        self._scripts = list(scripts)
        self._failures: list[Exception] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"mqtts://localhost:{self.port}" if self._tls else f"mqtt://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._visited, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failures and exc is None:
            raise self._failures[0]

    def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._play(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        visit = Visit(reader, writer)
        self.visits.append(visit)
        listening = asyncio.create_task(visit.listen())
        try:
            await script(visit)
        except (Left, ConnectionError):
            pass
        except Exception as exc:  # noqa: BLE001 - raised at the end, in the test
            self._failures.append(exc)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            listening.cancel()


def connack(*, session_present: bool = False, reason: int = 0, properties: bytes = b"", protocol: int = 5) -> bytes:
    """The answer to CONNECT; ``properties`` without their length."""
    body = bytes([session_present, reason])
    return packet(Kind.CONNACK, body + (bytes([len(properties)]) + properties if protocol == 5 else b""))


def suback(subscribe: Packet, reasons: list[int], *, protocol: int = 5) -> bytes:
    """The answer to ``subscribe``: a reason for each filter."""
    return packet(Kind.SUBACK, subscribe.body[:2] + (b"\0" if protocol == 5 else b"") + bytes(reasons))


def puback(mid: int, reason: int | None = None) -> bytes:
    """The answer to a PUBLISH at QoS 1."""
    return packet(Kind.PUBACK, mid.to_bytes(2) + (b"" if reason is None else bytes([reason])))


def filters_of(subscribe: Packet, protocol: int = 5) -> dict[str, int]:
    """The filters of a SUBSCRIBE with their options byte (MQTT 5 3.8.3.1). Of its properties there must be none."""
    body = subscribe.body[3 if protocol == 5 else 2 :]
    found: dict[str, int] = {}
    while body:
        end = 2 + int.from_bytes(body[:2])
        found[body[2:end].decode()] = body[end]
        body = body[end + 1 :]
    return found


def mid_of_publish(publish: Packet) -> int:
    """The packet identifier of a PUBLISH at QoS 1 or 2, which stands behind its topic."""
    end = 2 + int.from_bytes(publish.body[:2])
    return int.from_bytes(publish.body[end : end + 2])


__all__ = ["Left", "ScriptedBroker", "Visit", "connack", "filters_of", "mid_of", "mid_of_publish", "puback", "suback"]
