"""A publisher that knows which ids the broker took, and lives through everything that happens to the broker.

Many messages are in flight at once, and each is sent again until its PUBACK has come, so that ids come twice when one was lost.
"""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from axion_bus.buses.client import leave
from tests.chaos.alerts import Message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType


class Publisher:
    """A context manager. ``published`` has every id that was handed in, ``acked`` those whose message the broker took."""

    def __init__(self, port: int, *, in_flight: int = 300) -> None:
        self.published: set[str] = set()
        self.acked: set[str] = set()
        self._port = port
        self._in_flight = in_flight
        self._handed_in = 0
        self._taken = 0
        self._sent: dict[int, Message] = {}
        self._news: SimpleQueue[Message | int | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.max_inflight_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = lambda _client, _data, mid, _reason, _properties: self._news.put(mid)

    @property
    def waiting(self) -> int:
        """How many messages the broker has not taken yet."""
        return self._handed_in - self._taken

    def send(self, messages: Iterable[Message]) -> None:
        """Publish ``messages`` at QoS 1, in order; returns at once."""
        for message in messages:
            self.published.update(message.ids)
            self._handed_in += 1
            self._news.put(message)

    def _run(self) -> None:
        """Publish what was handed in, as far as there is room for it; the only thread that does."""
        queued: deque[Message] = deque()
        while (news := self._news.get()) is not None:
            if isinstance(news, Message):
                queued.append(news)
            else:
                self.acked.update(self._sent.pop(news).ids)
                self._taken += 1
            while queued and len(self._sent) < self._in_flight:
                message = queued.popleft()
                self._sent[self._client.publish(message.topic, message.body, qos=1, retain=message.is_retained).mid] = message

    def __enter__(self) -> Self:
        self._client.connect_async("127.0.0.1", self._port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._news.put(None)
        self._thread.join()
        leave(self._client)
