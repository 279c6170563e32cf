"""One connection to an MQTT broker: a paho client driven by the event loop, from CONNECT to its end.

It is never reused: the next connection is another object, with another client on the same session at the broker. So an ack of an
older connection reaches a client that is gone, and not a message that has the same id by chance. Called by ``buses.mqtt`` only.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from paho.mqtt import client as paho
from paho.mqtt.enums import LogLevel

from axion_bus.buses.client import connect_beside, new_client_of
from axion_bus.buses.window import Window, fail
from axion_bus.buses.wire import Wire
from axion_bus.errors import BusRefused, BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from paho.mqtt.client import SocketLike
    from paho.mqtt.reasoncodes import ReasonCode
    from paho.mqtt.subscribeoptions import SubscribeOptions

    from axion_bus.buses.packets import Publish
    from axion_bus.buses.patience import Patience
    from axion_bus.config.mqtt import Mqtt

T = TypeVar("T")

_CLOSE_TIMEOUT_S = 1.0
_PACKETS_A_TURN = 64
_MAX_RECEIVE = 65_535
_ADVICE = {132: "; set protocol = 4 for MQTT 3.1.1", 134: "; check username and password", 135: "; check username and password"}
"""By reason code of CONNACK, MQTT 3.1.1's in their MQTT 5 form (MQTT 5 3.2.2.2)."""


class Connection:
    """``take`` gets each PUBLISH, in order, and must not raise. ``ended`` is done, with the reason, when nothing more can come.

    The broker may have ``receive_maximum`` messages unacknowledged (MQTT 5).
    """

    def __init__(
        self, mqtt: Mqtt, *, take: Callable[[Connection, Publish], None], receive_maximum: int, patience: Patience
    ) -> None:
        self._mqtt = mqtt
        self._receive_maximum = min(receive_maximum, _MAX_RECEIVE)
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._accepted: asyncio.Future[bool] = self._loop.create_future()
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        wire = partial(Wire, take=partial(take, self), acknowledged=self._acknowledged, soon=self._loop.call_soon)
        self._client = new_client_of(wire, mqtt, client_id=mqtt.client_id, keeps_session=True)
        self._window = Window(self._client, str(mqtt.url))
        self._is_attached = False
        self._sock: SocketLike | None = None
        self._problem: str | None = None
        self._reads = True
        self._has_caught_up = True
        self._has_answered = False
        self._next_read: asyncio.Handle | None = None
        self._pinged_at = self._loop.time()

    def set_will(self, topic: str, body: bytes) -> None:
        """What the broker publishes, retained, when this connection breaks; before ``open``."""
        self._client.will_set(topic, body, qos=1, retain=True)

    async def open(self, before: Callable[[], Awaitable[None]]) -> bool:
        """Connect; return whether the broker had our session (MQTT 5 3.2.2.1.1). ``before`` is awaited before it is asked.

        Raises:
            BusRefused: the broker does not let us in.
            BusUnavailable: it cannot be reached, or gives no answer.

        """
        try:
            sock = await connect_beside(
                self._client,
                self._mqtt,
                keeps_session=True,
                receive_maximum=self._receive_maximum,
                timeout_s=self._patience.connect_s,
            )
        except (OSError, ValueError) as exc:
            raise BusUnavailable(f"cannot connect to {self._mqtt.url}: {getattr(exc, 'strerror', None) or exc}") from exc
        try:
            await before()
        except BaseException:
            sock.close()
            raise
        self._attach(sock)
        return await self._answer(self._accepted, "answer the connection request")

    async def subscribe(self, filters: list[tuple[str, SubscribeOptions]] | list[tuple[str, int]]) -> list[ReasonCode]:
        """Subscribe to all ``filters`` at once; the broker's reason code for each, in order. Raises BusUnavailable."""
        result, mid = self._client.subscribe(filters) if not self.ended.done() else (paho.MQTT_ERR_NO_CONN, None)
        if result is not paho.MQTT_ERR_SUCCESS or mid is None:
            raise BusUnavailable(f"{self._mqtt.url}: not connected")
        future = self._subscribing[mid] = self._loop.create_future()
        return await self._answer(future, "answer the subscriptions")

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Hear nothing more of ``filters``; what the broker says to it is not waited for."""
        if filters and not self.ended.done():
            self._client.unsubscribe(list(filters))

    def publish(self, topic: str, body: bytes, *, retain: bool, properties: bytes) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends with the PUBACK, or with BusUnavailable."""
        return self._window.publish(topic, body, retain=retain, properties=properties)

    def acknowledge(self, mid: int, qos: int) -> None:
        """Acknowledge a message of this connection; nothing when it has ended."""
        if not self.ended.done():
            self._client.acknowledge(mid, qos)

    def pause(self) -> None:
        """Read nothing more until ``resume``."""
        self._reads = self._has_caught_up = False
        if self._sock is not None:
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        """Read again, from the loop's next turn on."""
        self._reads = True
        if self._sock is not None:
            self._loop.add_reader(self._sock, self._read)
            self._read_soon()

    def tick(self) -> None:
        """To be called about once a second: pings, and the end of a connection that gives no sign of life.

        Not by paho's own while answers to its pings may lie unread, which it would take for missing: then we only ping.
        """
        if self.ended.done():
            return
        if self._has_caught_up:
            self._guarded(self._client.loop_misc)
        elif self._loop.time() - self._pinged_at > self._client.keepalive / 4:  # the last sign before may be a keepalive old
            self._pinged_at = self._loop.time()
            self._client.ping()

    async def close(self) -> None:
        """Deliver nothing more, send what is queued, then DISCONNECT: the broker keeps the session and publishes no will."""
        try:
            if not self.ended.done() and self._sock is not None:
                self.pause()
                await self._disconnect(self._sock)
        finally:
            self._end("closed by us")

    async def _disconnect(self, sock: SocketLike) -> None:
        """Send DISCONNECT, and throw away what still comes until the broker closes.

        Paho closes at once, and a socket that is closed with something unread is reset: the broker may then miss what we sent last.
        """
        with socket.socket(fileno=os.dup(sock.fileno())) as rest, suppress(OSError):
            rest.setblocking(False)
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                self._client.flush()
                self._client.disconnect()
                await asyncio.wait((self.ended,))
                rest.shutdown(socket.SHUT_WR)
                while await self._loop.sock_recv(rest, 65_536):
                    pass

    def _attach(self, sock: SocketLike) -> None:
        """Hand the socket to the event loop. Paho connected in a thread; from here on it is used in this one only."""
        self._is_attached, self._sock = True, sock
        client = self._client
        client.on_log = self._on_log
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_register_write = lambda _client, _data, sock: self._loop.add_writer(sock, self._write)
        client.on_socket_unregister_write = lambda _client, _data, sock: _ignore(self._loop.remove_writer(sock))
        client.on_socket_close = lambda _client, _data, _sock: self._detach()
        self._loop.add_reader(sock, self._read)
        self._loop.add_writer(sock, self._write)  # CONNECT is queued

    def _detach(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _read(self) -> None:
        """Read what is there, a bounded number of packets, so that nothing else on the loop waits for long."""
        client = self._client
        last = client.packets + _PACKETS_A_TURN
        seen = -1
        self._has_answered = False
        while self._reads and seen < client.packets < last and not (self.ended.done() or self._has_answered):
            seen = client.packets
            self._guarded(client.loop_read)
        if self.ended.done():
            return
        client.flush()
        is_all = seen == client.packets
        self._has_caught_up = self._reads and (self._has_caught_up or is_all)
        if self._reads and not is_all:
            self._read_soon()

    def _read_soon(self) -> None:
        """Read in the loop's next turn: what is in the client's buffer, or TLS's, no selector can see."""
        if self._next_read is not None:
            self._next_read.cancel()
        self._next_read = self._loop.call_soon(self._read)

    def _write(self) -> None:
        self._guarded(self._client.loop_write)

    def _guarded(self, step: Callable[[], object]) -> None:
        """Run a step of paho's. A broker that breaks the protocol costs the connection, never the daemon."""
        if self.ended.done():
            return  # paho still has the socket, and the packet that it stumbled over
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - paho raises whatever its parser stumbled over (its issue 867)
            self._end(f"{type(exc).__name__}: {exc}")

    def _on_log(self, _client: object, _data: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._problem = text

    def _on_connect(self, _client: object, _data: object, flags: paho.ConnectFlags, reason: ReasonCode, properties: Any) -> None:
        self._client.on_log = None  # it would have a line formatted for each packet
        if self._accepted.done():
            return
        if reason.is_failure:
            advice = _ADVICE.get(reason.value, "")
            fail(self._accepted, BusRefused(f"{self._mqtt.url} refused the connection: {reason}{advice}"))
            return
        self._has_answered = True
        self._accepted.set_result(flags.session_present)
        self._window.open(properties)

    def _acknowledged(self, mid: int, reason: ReasonCode) -> None:
        self._window.acknowledged(mid, reason)

    def _on_subscribe(self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], _properties: object) -> None:
        self._has_answered = True  # who asked has a turn before what is behind the answer
        future = self._subscribing.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reasons)

    def _on_disconnect(self, _client: object, _data: object, flags: Any, reason: ReasonCode, _properties: object) -> None:
        by = "the broker" if flags.is_disconnect_packet_from_server else "the network"
        self._end(f"ended by {by}: {self._problem or reason}")

    def _end(self, reason: str) -> None:
        """Once: everything that still waits for the broker waits in vain."""
        if self.ended.done():
            return
        self.ended.set_result(reason)
        self._let_go()
        gone = BusUnavailable(f"{self._mqtt.url}: the connection is gone: {reason}")
        self._window.close(gone)
        fail(self._accepted, gone)
        for subscribed in self._subscribing.values():
            fail(subscribed, gone)
        self._subscribing.clear()

    def _let_go(self) -> None:
        """Close the socket, and break the ring of callbacks by which paho's client and we hold each other."""
        if not self._is_attached:
            return  # the thread that connects may still have the client; it closes what nobody waits for
        sock, self._next_read = self._sock, None
        self._detach()
        self._client.let_go()
        if sock is not None:
            sock.close()

    async def _answer(self, future: asyncio.Future[T], what: str) -> T:
        try:
            async with asyncio.timeout(self._patience.answer_s):
                return await future
        except TimeoutError:
            raise BusUnavailable(f"{self._mqtt.url} did not {what} within {self._patience.answer_s:g} s") from None


def _ignore(_result: object) -> None:
    """Paho's callbacks return nothing."""
