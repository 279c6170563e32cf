"""The bus under test, run in the test's own loop: what it delivered, what it told; and another client at the same broker."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.buses.client import leave
from axion_bus.buses.mqtt import MqttBus
from axion_bus.buses.patience import Patience
from axion_bus.config.mqtt import Mqtt
from tests.contract.running import TIMEOUT_S, Running, until
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from axion_bus.ports import Received

IN_A_HURRY = Patience(retry_first_s=0.02, retry_max_s=0.1)
INFO = {"version": "1.2.3"}


def settings(url: str, base_topic: str, protocol: int = 5, **more: Any) -> Mqtt:
    """``[mqtt]`` with a client id that no other test has."""
    return Mqtt(url=url, base_topic=base_topic, client_id=f"axion-bus-{base_topic}", protocol=protocol, **more)


class Told:
    """``ports.Losses`` that remembers."""

    def __init__(self) -> None:
        self.asked = 0
        self.turned_away = 0
        self.sessions: list[bool] = []
        self.dropped: list[int] = []

    async def connecting(self) -> None:
        self.asked += 1

    def told_turned_away(self) -> None:
        self.turned_away += 1

    def told_session(self, *, present: bool, filters: Sequence[str]) -> None:
        self.filters = filters
        self.sessions.append(present)

    def told_dropped(self, count: int) -> None:
        self.dropped.append(count)


class Station(Running):
    """A running bus of instance ``one``; an asynchronous context manager, whose end stops it as the daemon would.

    ``received`` has what it delivered; ``deliver`` takes the place of its ``append``.
    """

    def __init__(
        self, mqtt: Mqtt, *, deliver: Callable[[Received], None] | None = None, losses: Told | None = None, **more: Any
    ) -> None:
        self.mqtt = mqtt
        self.received: list[Received] = []
        self.losses = losses or Told()
        self.clock = FakeClock()
        self.bus = MqttBus(
            mqtt,
            instance="one",
            info=INFO,
            deliver=deliver or self.received.append,
            losses=self.losses,
            clock=self.clock,
            **{"high_water": 2000, "patience": IN_A_HURRY, **more},
        )
        super().__init__(self.bus, self.received)

    @property
    def state_topic(self) -> str:
        """Where the instance's state is."""
        return f"{self.mqtt.base_topic}/instances/one/state"

    def alert_topic(self, name: str = "web") -> str:
        """A topic that the bus is subscribed to."""
        return f"{self.mqtt.base_topic}/alerts/{name}"

    async def settled(self) -> None:
        """Wait until the broker has everything that the bus has sent it."""
        await self.bus.publish(f"{self.mqtt.base_topic}/summary", b"{}")


class Party:
    """Another client, of MQTT 5, in a thread of its own: publishes, and hears what it asks for; an asynchronous context manager."""

    def __init__(
        self,
        port: int,
        *,
        client_id: str = "",
        keeps_session: bool = False,
        user: tuple[str, str] | None = None,
        ca_file: str | None = None,
    ) -> None:
        self.heard: list[paho.MQTTMessage] = []
        self._port = port
        self._is_connected = False
        self._answered: dict[int, Any] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id or f"party-{uuid.uuid4().hex}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if user:
            self._client.username_pw_set(*user)
        if ca_file:
            self._client.tls_set(ca_file)
        self._client.on_connect = lambda *_: setattr(self, "_is_connected", True)
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.on_subscribe = lambda _client, _data, mid, reasons, _properties: self._answered.update({mid: reasons})
        self._client.on_publish = lambda _client, _data, mid, reason, _properties: self._answered.update({mid: reason})
        self._expiry = Properties(PacketTypes.CONNECT)
        self._expiry.SessionExpiryInterval = 3600 if keeps_session else 0

    def post(self, topic: str, body: bytes) -> None:
        """Publish at once, at QoS 1, and do not wait for the broker's answer."""
        self._client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.publish(topic, body, 1)

    async def hear(self, *filters: str, qos: int = 1) -> None:
        """Subscribe."""
        mid = self._client.subscribe([(each, qos) for each in filters])[1]
        await until(lambda: mid in self._answered, "an answer to SUBSCRIBE")

    async def publish(self, topic: str, *bodies: bytes, qos: int = 1, retain: bool = False, **properties: Any) -> None:
        """Publish ``bodies``, and wait until the broker has them; ``properties`` are paho's names of them, on MQTT 5."""
        told = Properties(PacketTypes.PUBLISH) if properties else None
        for name, value in properties.items():
            setattr(told, name, value)
        mids = [self._client.publish(topic, body, qos, retain, told).mid for body in bodies]
        await until(lambda: self._answered.keys() >= set(mids), "an answer to each PUBLISH")
        for mid in mids:
            del self._answered[mid]

    async def heard_last(self, topic: str, body: bytes) -> None:
        """Wait until the last message on ``topic`` was ``body``."""
        await until(lambda: self.last(topic) == body, lambda: f"{body!r} on {topic}; it has {self.on(topic)}")

    def on(self, topic: str) -> list[bytes]:
        """What was heard on ``topic``."""
        return [message.payload for message in self.heard if message.topic == topic]

    def last(self, topic: str) -> bytes | None:
        """What was heard last on ``topic``."""
        return next(iter(self.on(topic)[::-1]), None)

    async def __aenter__(self) -> Self:
        self._client.connect_async("localhost", self._port, clean_start=False, properties=self._expiry)
        self._client.loop_start()
        await until(lambda: self._is_connected, "an answer to CONNECT")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        leave(self._client)


__all__ = ["INFO", "TIMEOUT_S", "Party", "Station", "Told", "settings", "until"]
