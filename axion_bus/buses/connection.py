"""One connection to an MQTT broker: a paho client driven by the event loop, from CONNECT to its end.

It is never reused: the next connection is another object, with another client on the same session at the broker. So an ack of an
older connection reaches a client that is gone, and not a message that has the same id by chance. Called by ``buses.mqtt`` only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from paho.mqtt import client as paho

from axion_bus.buses.client import connect_beside, new_client
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import SocketLike
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode
    from paho.mqtt.subscribeoptions import SubscribeOptions

    from axion_bus.config.mqtt import Mqtt

T = TypeVar("T")

_ANSWER_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0
_PACKETS_A_TURN = 64
_MAX_INFLIGHT = 1000
_MAX_RECEIVE = 65_535


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A message that waits for room in the broker's window."""

    topic: str
    body: bytes
    retain: bool
    properties: Properties | None
    future: asyncio.Future[None]


class Connection:
    """``take`` gets each PUBLISH, in order, and must not raise. ``ended`` is done, with the reason, when nothing more can come.

    ``pulse`` is called now and then while reading is paused, to send something; the broker may have ``receive_maximum`` messages
    unacknowledged (MQTT 5).
    """

    def __init__(
        self,
        mqtt: Mqtt,
        *,
        take: Callable[[Connection, paho.MQTTMessage], None],
        pulse: Callable[[Connection], object],
        receive_maximum: int,
    ) -> None:
        self._mqtt = mqtt
        self._take = take
        self._pulse = pulse
        self._receive_maximum = min(receive_maximum, _MAX_RECEIVE)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._accepted: asyncio.Future[bool] = self._loop.create_future()
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._publishing: dict[int, asyncio.Future[None]] = {}
        self._unsent: deque[_Unsent] = deque()
        self._window = 1
        self._packets = 0
        self._reads = True
        self._beaten_at = self._loop.time()
        self._client = new_client(mqtt, client_id=mqtt.client_id, keeps_session=True)
        self._client.max_inflight_messages_set(_MAX_INFLIGHT)

    def set_will(self, topic: str, body: bytes) -> None:
        """What the broker publishes, retained, when this connection breaks; before ``open``."""
        self._client.will_set(topic, body, qos=1, retain=True)

    async def open(self) -> bool:
        """Connect; return whether the broker had our session (MQTT 5 3.2.2.1.1).

        Raises:
            BusUnavailable: the broker cannot be reached, refuses us, or gives no answer.

        """
        try:
            await connect_beside(self._client, self._mqtt, keeps_session=True, receive_maximum=self._receive_maximum)
        except (OSError, ValueError) as exc:
            raise BusUnavailable(f"cannot connect to {self._mqtt.url}: {getattr(exc, 'strerror', None) or exc}") from exc
        self._attach()
        return await self._answer(self._accepted, "answer the connection request")

    async def subscribe(self, filters: list[tuple[str, SubscribeOptions]] | list[tuple[str, int]]) -> list[ReasonCode]:
        """Subscribe to all ``filters`` at once; the broker's reason code for each, in order. Raises BusUnavailable."""
        result, mid = self._client.subscribe(filters)
        if result is not paho.MQTT_ERR_SUCCESS or mid is None:
            raise BusUnavailable(f"{self._mqtt.url}: not connected")
        future = self._subscribing[mid] = self._loop.create_future()
        return await self._answer(future, "answer the subscriptions")

    def publish(self, topic: str, body: bytes, *, retain: bool, properties: Properties | None) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends with the PUBACK, or with BusUnavailable."""
        message = _Unsent(topic, body, retain, properties, self._loop.create_future())
        if self.ended.done():
            _fail(message.future, self._gone())
        else:
            self._unsent.append(message)
            self._send()
        return message.future

    def _send(self) -> None:
        """Send what the broker's Receive Maximum leaves room for: exceeding it ends the connection (MQTT 5 3.2.2.3.3)."""
        while self._unsent and len(self._publishing) < self._window:
            message = self._unsent.popleft()
            if message.future.cancelled():
                continue
            info = self._client.publish(message.topic, message.body, qos=1, retain=message.retain, properties=message.properties)
            if info.rc == paho.MQTT_ERR_SUCCESS:
                self._publishing[info.mid] = message.future
            else:
                _fail(message.future, BusUnavailable(f"{self._mqtt.url}: not sent: {paho.error_string(info.rc)}"))

    def ack(self, mid: int) -> None:
        """Send the PUBACK of a message of this connection; nothing when it has ended."""
        if not self.ended.done():
            self._client.ack(mid, 1)

    def pause(self) -> None:
        """Read nothing more until ``resume``."""
        self._reads = False
        self._beaten_at = self._loop.time()
        if (sock := self._client.socket()) is not None:
            self._loop.remove_reader(sock)

    def resume(self) -> None:
        """Read again."""
        self._reads = True
        if (sock := self._client.socket()) is not None:
            self._loop.add_reader(sock, self._read)
            self._read()  # TLS may hold bytes that no selector can see

    def tick(self) -> None:
        """To be called about once a second: pings, and the end of a connection that gives no sign of life.

        Paho would end a paused connection itself, for want of the PINGRESP that nobody reads; a pulse takes the ping's place.
        """
        if self._reads:
            self._guarded(self._client.loop_misc)
        elif self._loop.time() - self._beaten_at > self._mqtt.keepalive_s / 2:
            self._beaten_at = self._loop.time()
            self._pulse(self)

    async def close(self) -> None:
        """Send what is queued, then DISCONNECT; the broker keeps the session and does not publish the will."""
        if self._client.socket() is not None and not self.ended.done():
            self._client.disconnect()
            await asyncio.wait((self.ended,), timeout=_CLOSE_TIMEOUT_S)
        self._end("closed by us")

    def _attach(self) -> None:
        """Hand the socket to the event loop. Paho connected in a thread; from here on it is used in this one only."""
        client = self._client
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_register_write = lambda _client, _data, sock: self._loop.add_writer(sock, self._write)
        client.on_socket_unregister_write = self._written
        client.on_socket_close = lambda _client, _data, sock: self._detach(sock)
        sock = client.socket()
        if sock is None:
            raise BusUnavailable(f"{self._mqtt.url} closed the connection at once")
        self._loop.add_reader(sock, self._read)
        self._loop.add_writer(sock, self._write)

    def _written(self, _client: object, _data: object, sock: SocketLike) -> None:
        self._loop.remove_writer(sock)

    def _detach(self, sock: SocketLike) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _read(self) -> None:
        """Read what is there, a bounded number of packets, so that nothing else on the loop waits for long."""
        last = self._packets + _PACKETS_A_TURN
        seen = -1
        while seen < self._packets < last and self._reads:
            seen = self._packets
            self._guarded(self._client.loop_read)
        sock: Any = self._client.socket()
        if self._reads and sock is not None and hasattr(sock, "pending") and sock.pending():
            self._loop.call_soon(self._read)

    def _write(self) -> None:
        self._guarded(self._client.loop_write)

    def _guarded(self, step: Callable[[], object]) -> None:
        """Run a step of paho's. A broker that breaks the protocol costs the connection, never the daemon."""
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - paho raises whatever its parser stumbled over (paho.mqtt.python#867)
            self._end(f"{type(exc).__name__}: {exc}")

    def _on_connect(self, _client: object, _data: object, flags: paho.ConnectFlags, reason: ReasonCode, properties: Any) -> None:
        if self._accepted.done():
            return
        if reason.is_failure:
            _fail(self._accepted, BusUnavailable(f"{self._mqtt.url} refused the connection: {reason}"))
            return
        self._window = min(_MAX_INFLIGHT, getattr(properties, "ReceiveMaximum", _MAX_INFLIGHT))
        self._accepted.set_result(flags.session_present)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._packets += 1
        self._take(self, message)

    def _on_publish(self, _client: object, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        self._packets += 1
        future = self._publishing.pop(mid, None)
        self._send()
        if future is None or future.done():
            return
        if reason.is_failure:
            _fail(future, BusUnavailable(f"{self._mqtt.url} refused the message: {reason}"))
        else:
            future.set_result(None)

    def _on_subscribe(self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], _properties: object) -> None:
        future = self._subscribing.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reasons)

    def _on_disconnect(self, _client: object, _data: object, flags: Any, reason: ReasonCode, _properties: object) -> None:
        by = "the broker" if flags.is_disconnect_packet_from_server else "the network"
        self._end(f"ended by {by}: {reason}")

    def _end(self, reason: str) -> None:
        """Once: everything that still waits for the broker waits in vain."""
        if self.ended.done():
            return
        self.ended.set_result(reason)
        self._let_go()
        waiting: list[asyncio.Future[Any]] = [self._accepted, *self._subscribing.values(), *self._publishing.values()]
        for future in (*waiting, *(message.future for message in self._unsent)):
            if not future.done():
                _fail(future, self._gone())
        self._subscribing.clear()
        self._publishing.clear()
        self._unsent.clear()

    def _gone(self) -> BusUnavailable:
        return BusUnavailable(f"{self._mqtt.url}: the connection is gone: {self.ended.result()}")

    def _let_go(self) -> None:
        client = self._client
        client.on_socket_close = client.on_socket_unregister_write = None  # paho calls them once more when it is collected
        sock = client.socket()
        if sock is not None:
            self._detach(sock)
            sock.close()

    async def _answer(self, future: asyncio.Future[T], what: str) -> T:
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                return await future
        except TimeoutError:
            raise BusUnavailable(f"{self._mqtt.url} did not {what} within {_ANSWER_TIMEOUT_S:g} s") from None


def _fail(future: asyncio.Future[Any], exc: BusUnavailable) -> None:
    future.set_exception(exc)
    future.exception()  # nobody need look at it: the row stays PENDING
