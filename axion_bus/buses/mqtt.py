"""The MQTT bus: one persistent session at the broker, kept through one connection after another.

Delivers what is subscribed to, untouched; publishes what it is given. What a message means is decided elsewhere. Implements
``ports.Bus`` and ``ports.Publisher``; run by the daemon.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic_core import from_json, to_json

from axion_bus.buses.client import properties_of
from axion_bus.buses.connection import Connection
from axion_bus.domain.communication import Channel
from axion_bus.errors import BusUnavailable
from axion_bus.formats.events import CONTENT_TYPE
from axion_bus.ports import ORIGIN_PROPERTY, Attributes, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paho.mqtt.client import MQTTMessage
    from paho.mqtt.properties import Properties

    from axion_bus.config.mqtt import Mqtt
    from axion_bus.ports import Clock, Losses, Outcome

log = structlog.get_logger()

DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
"""Mosquitto's count of messages that it dropped for any client (mosquitto(8)); brokers without it never publish there."""

_RETRY_FIRST_S = 1.0
_RETRY_MAX_S = 60.0
_STABLE_AFTER_S = 10.0
_TICK_S = 1.0
_SUBSCRIBE_AGAIN_S = 60.0
_FAREWELL_TIMEOUT_S = 1.0
_MAX_PROPERTIES = 64
_MAX_PROPERTY_CHARACTERS = 4096


class MqttBus:
    """``deliver`` gets every message; ``info`` is published, retained, beside the instance's state."""

    def __init__(
        self,
        mqtt: Mqtt,
        *,
        instance: str,
        info: Mapping[str, Any],
        high_water: int,
        deliver: Callable[[Received], None],
        losses: Losses,
        clock: Clock,
    ) -> None:
        self._mqtt = mqtt
        self._instance = instance
        self._info = info
        self._high_water = high_water
        self._deliver = deliver
        self._losses = losses
        self._clock = clock
        self._connection: Connection | None = None
        self._number = 0
        self._paused = False
        self.trouble: str | None = "not connected yet"
        self.says_farewell = True

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted us and our subscriptions."""
        return self._connection is not None

    @property
    def connection(self) -> int:
        """The number of the connection; 0 before the first."""
        return self._number

    def pause(self) -> None:
        """Stop reading; the session stays alive."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def publish(self, topic: str, body: bytes, *, retain: bool = False, is_event: bool = False) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends with the PUBACK, or with BusUnavailable."""
        if self._connection is None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(BusUnavailable(f"{self._mqtt.url}: {self.trouble}"))
            future.exception()  # whoever wants to know asks
            return future
        return self._connection.publish(topic, body, retain=retain, properties=self._properties(body, is_event=is_event))

    async def run(self) -> None:
        """Be connected, as far as the broker lets us, until cancelled; then say so to the bus and leave, the session kept."""
        retry_s = _RETRY_FIRST_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._stay_connected()
            except BusUnavailable as exc:
                self.trouble = str(exc)
            retry_s = _RETRY_FIRST_S if loop.time() - started > _STABLE_AFTER_S else retry_s
            wait_s = random.uniform(retry_s / 2, retry_s)  # noqa: S311 - jitter, not a secret
            log.warning("broker_away", error=self.trouble, retry_s=round(wait_s, 1))
            await asyncio.sleep(wait_s)
            retry_s = min(retry_s * 2, _RETRY_MAX_S)

    async def _stay_connected(self) -> None:
        connection = Connection(self._mqtt, take=self._take, pulse=self._announce, receive_maximum=self._high_water)
        connection.set_will(self._topic("state"), b"offline")
        try:
            present = await connection.open()
            await self._subscribe(connection)
            self._losses.told_session(present=present)
            self._enter(connection)
            await self._watch(connection)
        finally:
            await self._leave(connection)

    def _enter(self, connection: Connection) -> None:
        self._number += 1
        self._connection = connection
        self._announce(connection)
        self.publish(self._topic("info"), to_json(self._info), retain=True)
        if self._paused:
            connection.pause()
        log.info("broker_connected", url=str(self._mqtt.url), client_id=self._mqtt.client_id, connection=self._number)

    def _announce(self, connection: Connection) -> asyncio.Future[None]:
        return connection.publish(self._topic("state"), b"online", retain=True, properties=self._properties(b"", is_event=False))

    async def _watch(self, connection: Connection) -> None:
        """Tick until the connection ends, which is raised. A refused subscription is asked for again: access may be granted."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        while not connection.ended.done():
            await asyncio.wait((connection.ended,), timeout=_TICK_S)
            connection.tick()
            if self.trouble and loop.time() - asked_at > _SUBSCRIBE_AGAIN_S:
                asked_at = loop.time()
                await self._subscribe(connection)
        raise BusUnavailable(f"{self._mqtt.url}: {connection.ended.result()}")

    async def _subscribe(self, connection: Connection) -> None:
        topics = [source.topic for source in self._mqtt.sources]
        if self._mqtt.protocol == 5:
            reasons = await connection.subscribe([*map(_wanted, topics), (DROPPED_TOPIC, SubscribeOptions(qos=0))])
        else:
            reasons = await connection.subscribe([*((topic, 1) for topic in topics), (DROPPED_TOPIC, 0)])
        refused = [f"{topic} ({reason})" for topic, reason in zip(topics, reasons, strict=False) if reason.is_failure]
        self.trouble = f"the broker refuses our subscription to {', '.join(refused)}; does its ACL allow it?" if refused else None
        if refused:
            log.error("subscription_refused", topics=refused, username=self._mqtt.username)

    async def _leave(self, connection: Connection) -> None:
        self._connection = None
        if self.says_farewell and not connection.ended.done():
            gone = connection.publish(self._topic("state"), b"offline", retain=True, properties=None)
            await asyncio.wait((gone,), timeout=_FAREWELL_TIMEOUT_S)
        await connection.close()

    def _take(self, connection: Connection, message: MQTTMessage) -> None:
        """Hand one message on. Never raises: paho would call again with the same message, for ever."""
        bad_address = False
        try:
            topic = message.topic
        except UnicodeDecodeError as exc:
            topic, bad_address = exc.object.decode("utf-8", "backslashreplace"), True
        body = bytes(message.payload)
        if topic == DROPPED_TOPIC:
            self._take_dropped(body)
            return
        self._deliver(
            Received(
                channel=Channel.MQTT,
                address=topic,
                body=body,
                received_at=self._clock.now(),
                ack=partial(_acknowledge, connection, message.mid) if message.qos else _ignore,
                retained=message.retain,
                duplicate=message.dup,
                bad_address=bad_address,
                attributes=_attributes(message.properties),
            )
        )

    def _take_dropped(self, payload: bytes) -> None:
        if payload.isdigit() and len(payload) < 19:
            self._losses.told_dropped(int(payload))

    def _topic(self, name: str) -> str:
        return f"{self._mqtt.base_topic}/instances/{self._instance}/{name}"

    def _properties(self, body: bytes, *, is_event: bool) -> Properties | None:
        """On MQTT 5: who published it and, of an event, its attributes for who filters without reading JSON."""
        if self._mqtt.protocol != 5:
            return None
        origin = (ORIGIN_PROPERTY, self._instance)
        if not is_event:
            return properties_of(content_type=None, user=[origin])
        event: dict[str, Any] = from_json(body)
        attributes = [(name, str(value)) for name, value in event.items() if name not in ("data", "datacontenttype")]
        return properties_of(content_type=CONTENT_TYPE, user=[*attributes, origin])


def _wanted(topic: str) -> tuple[str, SubscribeOptions]:
    """Retained ones come with a new subscription only; No Local on a shared one is a protocol error (MQTT 5 3.8.3.1)."""
    is_shared = topic.startswith("$share/")
    return topic, SubscribeOptions(qos=1, noLocal=not is_shared, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)


def _acknowledge(connection: Connection, mid: int, _outcomes: Sequence[Outcome]) -> None:
    connection.ack(mid)


def _ignore(_outcomes: Sequence[Outcome]) -> None:
    """A message of QoS 0 has no acknowledgement."""


def _attributes(properties: Properties | None) -> Attributes | None:
    """What a publisher told beside the bytes, bounded. Asked by ``vars``: paho's own accessors are slow for what is not there."""
    told = vars(properties) if properties is not None else {}
    content_type, user = told.get("ContentType"), told.get("UserProperty", ())
    if content_type is None and not user:
        return None
    bounded = ((name, value) for name, value in user if len(name) + len(value) <= _MAX_PROPERTY_CHARACTERS)
    return Attributes(
        content_type=content_type[:_MAX_PROPERTY_CHARACTERS] if content_type else None,
        properties=tuple(pair for pair, _ in zip(bounded, range(_MAX_PROPERTIES), strict=False)),
    )
