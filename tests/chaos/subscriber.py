"""Subscribers of the tests: one that collects the daemon's events through every fault, and a look at what is retained."""

from __future__ import annotations

import uuid
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.buses.client import leave
from tests.chaos.checker import Seen
from tests.events import is_event, read_event
from tests.servers import wait_until

if TYPE_CHECKING:
    from types import TracebackType

_FOR_EVER = 0xFFFF_FFFF


class Subscriber:
    """Collects what is published on ``topic``, in a session that the broker keeps; a context manager.

    It subscribes again with each connection, for a broker may lose the session. Every event that came is read, at the latest at its
    end: one that another program could not read fails the test.
    """

    def __init__(self, port: int, topic: str) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self._port = port
        self._topic = topic
        self._subscriptions = 0
        self._read: list[dict[str, Any]] = []
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"subscriber-{uuid.uuid4().hex}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos=1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)

    def wait_until_subscribed(self, times: int) -> None:
        """Wait until it has subscribed that often in all: a broker that forgot it does not keep events for it before."""
        wait_until(lambda: self._subscriptions >= times, f"a subscriber has subscribed {times} times")

    def _on_subscribe(self, *_: object) -> None:
        self._subscriptions += 1

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came, read."""
        came = [message for message in self.messages if is_event(message.topic)]
        self._read += [read_event(message.payload) for message in came[len(self._read) :]]
        return list(self._read)

    @property
    def seen(self) -> list[Seen]:
        """What came, as the checker wants it."""
        return [
            Seen(event["id"], event.get("subject"), int(event["sequence"]) if "sequence" in event else None)
            for event in self.events
        ]

    def __enter__(self) -> Self:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = _FOR_EVER
        self._client.connect_async("127.0.0.1", self._port, clean_start=False, properties=properties)
        self._client.loop_start()
        wait_until(lambda: self._subscriptions, f"a subscription to {self._topic}")
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        leave(self._client)
        if exc is None:
            self.events  # noqa: B018 - reads those that the test did not look at


def retained(port: int, topic: str) -> dict[str, bytes]:
    """What the broker has retained on ``topic``, a filter, by topic."""
    found: dict[str, bytes] = {}
    mark, done = f"mark/{uuid.uuid4().hex}", Event()

    def take(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == mark:
            done.set()
        elif message.retain:
            found[message.topic] = message.payload

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda *_: client.subscribe([(topic, 1), (mark, 1)])
    client.on_subscribe = lambda *_: client.publish(mark, b"", qos=1)  # comes behind everything that is retained
    client.on_message = take
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    try:
        assert done.wait(30), f"the broker did not answer a subscription to {topic} within 30 s"
    finally:
        leave(client)
    return found
