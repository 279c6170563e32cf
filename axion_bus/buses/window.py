"""What is published on one connection and not yet acknowledged: never more at once than the broker takes (MQTT 5 3.2.2.3.3).

Owned by ``buses.connection``, which tells it what the broker says.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.buses.packets import written_publish
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

    from axion_bus.buses.wire import Wire

MAX_INFLIGHT = 1000
"""How many publications are on the way at most, whatever the broker would take."""


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A message that waits for room in the window."""

    topic: str
    body: bytes
    retain: bool
    properties: bytes
    future: asyncio.Future[None]


class Window:
    """Publications at QoS 1, in order. Nothing is sent before ``open``; nothing stays pending after ``close``."""

    def __init__(self, client: Wire, broker: str) -> None:
        self._client = client
        self._broker = broker
        self._size = 0
        self._max_packet: int | None = None
        self._unsent: deque[_Unsent] = deque()
        self._sent: dict[int, asyncio.Future[None]] = {}
        self._closed: BusUnavailable | None = None

    def open(self, told: Any) -> None:
        """Send from now on, as ``told`` by the properties of the broker's CONNACK (MQTT 5; else there are none)."""
        self._size = min(MAX_INFLIGHT, getattr(told, "ReceiveMaximum", MAX_INFLIGHT))
        self._max_packet = getattr(told, "MaximumPacketSize", None)
        self._send()

    def publish(self, topic: str, body: bytes, *, retain: bool, properties: bytes) -> asyncio.Future[None]:
        """Send when there is room; the future ends with the PUBACK, or with BusUnavailable."""
        message = _Unsent(topic, body, retain, properties, asyncio.get_running_loop().create_future())
        if self._closed is not None:
            fail(message.future, self._closed)
        else:
            self._unsent.append(message)
            self._send()
        return message.future

    def acknowledged(self, mid: int, reason: ReasonCode) -> None:
        """The broker has answered publication ``mid``, which makes room for another."""
        future = self._sent.pop(mid, None)
        if future is not None and not future.done():
            if reason.is_failure:
                fail(future, BusUnavailable(f"{self._broker} refused the message: {reason}"))
            else:
                future.set_result(None)
        self._send()

    def close(self, reason: BusUnavailable) -> None:
        """Nothing more is sent, and no acknowledgement comes: fail all that waits, for ``reason``."""
        self._closed = reason
        waiting = [*self._sent.values(), *(message.future for message in self._unsent)]
        self._sent.clear()
        self._unsent.clear()
        for future in waiting:
            fail(future, reason)

    def _send(self) -> None:
        while self._unsent and len(self._sent) < self._size:
            message = self._unsent.popleft()
            if not message.future.done():
                self._send_one(message)

    def _send_one(self, message: _Unsent) -> None:
        mid = self._unused_mid()
        try:
            packet = self._written(message, mid)
        except ValueError as exc:
            fail(message.future, BusUnavailable(f"the message on {message.topic} cannot be sent: {exc}"))
            return
        self._sent[mid] = message.future
        self._client.send(packet)

    def _written(self, message: _Unsent, mid: int) -> bytes:
        topic, body = message.topic, message.body
        packet = written_publish(topic, body, mid=mid, retain=message.retain, properties=message.properties)
        if self._max_packet is not None and len(packet) > self._max_packet:
            raise ValueError(f"{len(packet)} bytes are more than the {self._max_packet} that {self._broker} takes")
        return packet

    def _unused_mid(self) -> int:
        while (mid := self._client.new_mid()) in self._sent:
            pass  # given out so long ago that it comes round again, and still not acknowledged
        return mid


def fail(future: asyncio.Future[Any], exc: BusUnavailable) -> None:
    """End ``future`` with ``exc``, unless it has ended. Nobody need look at it: what is in the outbox stays PENDING."""
    if not future.done():
        future.set_exception(exc)
        future.exception()
