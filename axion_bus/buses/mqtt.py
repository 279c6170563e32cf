"""The MQTT bus: one persistent session at the broker, kept through one connection after another.

Delivers what is subscribed to, untouched; publishes what it is given. What a message means is decided elsewhere. Implements
``ports.Bus`` and ``ports.Publisher``; run by the daemon.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic_core import from_json, to_json

from axion_bus.buses.connection import Connection
from axion_bus.buses.packets import publish_properties
from axion_bus.buses.patience import Patience
from axion_bus.domain import topics
from axion_bus.domain.communication import Channel
from axion_bus.errors import BusRefused, BusUnavailable, ConfigError, StoreConflict, StoreUnavailable
from axion_bus.formats.events import CONTENT_TYPE
from axion_bus.ports import ORIGIN_PROPERTY, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axion_bus.buses.homeassistant import HomeAssistant
    from axion_bus.buses.packets import Publish
    from axion_bus.config.mqtt import Mqtt
    from axion_bus.ports import Clock, Losses, Outcome

log = structlog.get_logger()

DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
"""Mosquitto's count of messages that it dropped for any client (mosquitto(8)); brokers without it never publish there."""

_TICK_S = 1.0
_GRANTED_QOS_1 = 1
_DEFAULT_PATIENCE = Patience()


class MqttBus:
    """``deliver`` gets every message; ``info`` is published, retained, beside the instance's state.

    ``request_topics`` are subscribed to beside the sources', with Retain As Published: a retained command is to be seen as such.
    ``heard_before`` are filters that the session may still have from before. ``homeassistant`` is told of each connection, and
    gets what is heard on its birth topic. ``high_water`` is how many messages may be unacknowledged before ``pause`` is called.
    ``trouble`` says, for people, what is wrong; None: nothing.
    """

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
        request_topics: Sequence[str] = (),
        homeassistant: HomeAssistant | None = None,
        heard_before: Sequence[str] = (),
        patience: Patience = _DEFAULT_PATIENCE,
    ) -> None:
        self._mqtt = mqtt
        self._instance = instance
        self._info = info
        self._high_water = high_water
        self._deliver = deliver
        self._losses = losses
        self._clock = clock
        self._request_topics = tuple(request_topics)
        sources = [source.topic for source in mqtt.sources]
        self._heard = (*topics.without_covered(sources), *self._request_topics)
        self._gone = sorted({*heard_before, *sources}.difference(self._heard))
        self._homeassistant = homeassistant
        birth = homeassistant.birth_topic if homeassistant is not None else None
        is_source = birth is not None and any(topics.matches(each, birth) for each in self._heard)
        self._birth_topic = None if is_source else birth
        self._patience = patience
        self._connection: Connection | None = None
        self._number = 0
        self._entered_at: float | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_session_new = False
        self._refused: tuple[str, ...] = ()
        self.trouble: str | None = "not connected yet"
        self.says_farewell = True

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted us and answered our subscriptions."""
        return self._connection is not None

    @property
    def connection(self) -> int:
        """The number of the connection; 0 before the first."""
        return self._number

    def pause(self) -> None:
        """Stop reading; the session stays alive."""
        self._flows.clear()
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._flows.set()
        if self._connection is not None:
            self._connection.resume()

    def publish(
        self, topic: str, body: bytes, *, retain: bool = False, is_event: bool = False, correlation: bytes | None = None
    ) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends with the PUBACK, or with BusUnavailable."""
        if self._connection is None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(BusUnavailable(self.trouble or f"{self._mqtt.url}: not connected"))
            future.exception()  # whoever wants to know asks
            return future
        properties = self._properties(body, is_event=is_event, correlation=correlation)
        return self._connection.publish(topic, body, retain=retain, properties=properties)

    async def run(self) -> None:
        """Be connected, as far as the broker lets us, until cancelled; then say so to the bus and leave, the session kept.

        Raises:
            ConfigError: the certificates cannot be used. Not when they could be before: they may be on the way to being renewed.

        """
        failures = 0
        while True:
            await self._flows.wait()  # while paused, each new connection would bring another window of messages
            self._entered_at = None
            try:
                await self._stay_connected()
            except BusUnavailable as exc:
                if isinstance(exc, BusRefused):
                    self._losses.told_turned_away()
                self.trouble = str(exc)
            except ConfigError as exc:
                if not self._number:
                    raise
                self.trouble = str(exc)
            failures = 1 if self._was_stable() else failures + 1
            pause_s = self._patience.retry_s(failures)
            log.warning("broker_away", error=self.trouble, retry_s=round(pause_s, 1))
            await asyncio.sleep(pause_s)

    def _was_stable(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._entered_at is not None and now - self._entered_at > self._patience.stable_after_s

    async def _stay_connected(self) -> None:
        connection = Connection(self._mqtt, take=self._take, receive_maximum=self._high_water, patience=self._patience)
        connection.set_will(self._topic("state"), b"offline")
        try:
            if not await connection.open(self._announce):
                self._is_session_new = True
            await self._subscribe(connection, self._heard)
            connection.unsubscribe(self._gone)  # not before: what is covered by another filter now must not fall between the two
            self._losses.told_session(present=not self._is_session_new, filters=self._heard)
            self._is_session_new = False  # not before: a connection cut meanwhile leaves a session behind, but a deaf one
            self._enter(connection)
            await self._watch(connection)
        finally:
            await self._leave(connection)

    async def _announce(self) -> None:
        """Say that the broker is about to be asked; it waits for CONNECT no longer than we for its answers."""
        try:
            async with asyncio.timeout(self._patience.answer_s):
                await self._losses.connecting()
        except (TimeoutError, StoreUnavailable, StoreConflict) as exc:
            why = str(exc) or "it does not answer"
            raise BusUnavailable(f"{self._mqtt.url}: the session is not asked for while the database is away: {why}") from exc

    def _enter(self, connection: Connection) -> None:
        self._number += 1
        self._connection = connection
        self._entered_at = asyncio.get_running_loop().time()
        self.publish(self._topic("state"), b"online", retain=True)
        self.publish(self._topic("info"), to_json(self._info), retain=True)
        if self._homeassistant is not None:
            self._homeassistant.connected(self)
        if not self._flows.is_set():
            connection.pause()
        log.info("broker_connected", url=str(self._mqtt.url), client_id=self._mqtt.client_id, connection=self._number)

    async def _watch(self, connection: Connection) -> None:
        """Tick until the connection ends, which is raised. What was refused is asked for again: access may be granted."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        while not connection.ended.done():
            await asyncio.wait((connection.ended,), timeout=_TICK_S)
            connection.tick()
            if self._refused and self._flows.is_set() and loop.time() - asked_at > self._patience.ask_again_s:
                await self._subscribe(connection, self._refused)
                asked_at = loop.time()
        raise BusUnavailable(f"{self._mqtt.url}: {connection.ended.result()}")

    async def _subscribe(self, connection: Connection, topics: Sequence[str]) -> None:
        """Ask for ``topics``, and keep which of them the broker does not give us at QoS 1."""
        reasons = await connection.subscribe(self._filters(topics))
        refused = {topic: reason for topic, reason in zip(topics, reasons, strict=False) if reason.value != _GRANTED_QOS_1}
        self._refused = tuple(refused)
        self.trouble = None
        if refused:
            what = ", ".join(f"{topic} ({reason})" for topic, reason in refused.items())
            self.trouble = f"the broker does not let us subscribe to {what} at QoS 1; does its ACL allow it?"
            log.error("subscription_refused", topics=what, username=self._mqtt.username)

    def _filters(self, topics: Sequence[str]) -> list[tuple[str, Any]]:
        """``topics`` at QoS 1; behind them, at QoS 0, what is of no worth later, and may be refused."""
        passing = [DROPPED_TOPIC, *(self._homeassistant.subscribes if self._homeassistant is not None else ())]
        if self._mqtt.protocol == 5:
            at_once = SubscribeOptions(qos=0)
            return [*((topic, self._options(topic)) for topic in topics), *((topic, at_once) for topic in passing)]
        return [*((topic, 1) for topic in topics), *((topic, 0) for topic in passing)]

    def _options(self, topic: str) -> SubscribeOptions:
        """Retained ones come with a new subscription only; No Local on a shared one is a protocol error (MQTT 5 3.8.3.1)."""
        return SubscribeOptions(
            qos=1,
            noLocal=not topic.startswith("$share/"),
            retainAsPublished=topic in self._request_topics,
            retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB,
        )

    async def _leave(self, connection: Connection) -> None:
        was_entered, self._connection = self._connection is not None, None
        if was_entered and self.says_farewell and not connection.ended.done():
            properties = self._properties(b"")
            gone = connection.publish(self._topic("state"), b"offline", retain=True, properties=properties)
            await asyncio.wait((gone,), timeout=self._patience.farewell_s)
        await connection.close()

    def _take(self, connection: Connection, publish: Publish) -> None:
        """Hand one message on. Never raises: paho would come again with the same packet, for ever (its issue 867)."""
        try:
            topic, is_bad = publish.topic.decode(), False
        except UnicodeDecodeError:
            topic, is_bad = publish.topic.decode("utf-8", "backslashreplace"), True
        try:
            if topic == DROPPED_TOPIC:
                self._take_dropped(publish.body)
            elif topic == self._birth_topic and self._homeassistant is not None:
                if publish.qos:
                    connection.acknowledge(publish.mid, publish.qos)
                self._homeassistant.heard(self, publish.body)
            else:
                self._deliver(self._to_received(connection, publish, topic, is_bad=is_bad))
        except Exception:
            log.exception("message_not_delivered", topic=topic)  # it stays unacknowledged, and comes again with the next connection

    def _to_received(self, connection: Connection, publish: Publish, topic: str, *, is_bad: bool) -> Received:
        return Received(
            channel=Channel.MQTT,
            address=topic,
            body=publish.body,
            received_at=self._clock.now(),
            ack=partial(_acknowledge, connection, publish.mid, publish.qos) if publish.qos else _ignore,
            retained=publish.is_retained,
            duplicate=publish.is_duplicate,
            bad_address=is_bad,
            attributes=publish.attributes,
        )

    def _take_dropped(self, payload: bytes) -> None:
        if payload.isdigit() and len(payload) < 19:
            self._losses.told_dropped(int(payload))

    def _topic(self, name: str) -> str:
        return f"{self._mqtt.base_topic}/instances/{self._instance}/{name}"

    def _properties(self, body: bytes, *, is_event: bool = False, correlation: bytes | None = None) -> bytes:
        """On MQTT 5: who published it and, of an event, its attributes for who filters without reading JSON."""
        if self._mqtt.protocol != 5:
            return b""
        origin = (ORIGIN_PROPERTY, self._instance)
        if not is_event:
            return publish_properties(correlation=correlation, user=[origin])
        event: dict[str, Any] = from_json(body)
        attributes = [(name, str(value)) for name, value in event.items() if name not in ("data", "datacontenttype")]
        return publish_properties(content_type=CONTENT_TYPE, user=[*attributes, origin])


def _acknowledge(connection: Connection, mid: int, qos: int, _outcomes: Sequence[Outcome]) -> None:
    connection.acknowledge(mid, qos)


def _ignore(_outcomes: Sequence[Outcome]) -> None:
    """A message of QoS 0 has no acknowledgement."""
