"""A client of the doctor's own at the broker: another client id than the daemon's, blocking, each wait bounded. For threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from axion_bus.buses.client import leave, new_client
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from paho.mqtt.reasoncodes import ReasonCode

    from axion_bus.config.mqtt import Mqtt

WAIT_S = 3.0
"""How long one answer of the broker may take."""
FORGOTTEN_AFTER_S = 60
"""After how long a broker forgets a session of ours that we could not clear away (MQTT 5)."""
_POLL_S = 0.01


class BrokerRefused(BusUnavailable):
    """The broker answered, and does not let us in; ``reason`` is CONNACK's (MQTT 5 3.2.2.2)."""

    def __init__(self, message: str, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class Visitor:
    """Connected between enter and exit. ``heard`` has topic, body and retain flag of what came.

    ``keeps`` leaves a session behind for whoever comes with the same ``client_id``; one without ends it.
    """

    def __init__(self, mqtt: Mqtt, *, client_id: str | None = None, keeps: bool = False) -> None:
        self._mqtt = mqtt
        self._keeps = keeps
        self.client_id = client_id or f"axion-bus-doctor-{uuid4().hex[:12]}"
        self.heard: list[tuple[str, bytes, bool]] = []
        self.is_session_present = False
        self._connected: list[tuple[ReasonCode, Any]] = []
        self._ended: str | None = None
        self._acknowledged: dict[int, ReasonCode] = {}
        self._granted: dict[int, list[ReasonCode]] = {}
        self._client = client = new_client(mqtt, client_id=self.client_id, keeps_session=keeps)
        client.on_connect = lambda _client, _data, flags, reason, _properties: self._connected.append((reason, flags))
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: setattr(self, "_ended", str(reason))
        client.on_publish = lambda _client, _data, mid, reason, _properties: self._acknowledged.update({mid: reason})
        client.on_subscribe = lambda _client, _data, mid, reasons, _properties: self._granted.update({mid: reasons})
        client.on_message = self._take

    def __enter__(self) -> Self:
        arguments: dict[str, Any] = {}
        if self._mqtt.protocol == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's has no types
            properties.SessionExpiryInterval = FORGOTTEN_AFTER_S if self._keeps else 0
            arguments = {"clean_start": not self._keeps, "properties": properties}
        try:
            self._client.connect(self._mqtt.url.host, self._mqtt.url.port, keepalive=60, **arguments)
        except (OSError, ValueError) as exc:
            raise BusUnavailable(f"cannot connect to {self._mqtt.url}: {getattr(exc, 'strerror', None) or exc}") from exc
        self._client.loop_start()
        try:
            self._be_let_in()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    def subscribe(self, topics: Sequence[str], *, wants_retained: bool = False) -> list[ReasonCode]:
        """Ask for ``topics`` at QoS 1; what the broker says to each."""
        filters: list[Any] = [(topic, 1) for topic in topics]
        if self._mqtt.protocol == 5:
            handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if wants_retained else SubscribeOptions.RETAIN_DO_NOT_SEND
            filters = [(topic, SubscribeOptions(qos=1, retainHandling=handling)) for topic in topics]
        _, mid = self._client.subscribe(filters)
        self._wait_for(lambda: mid in self._granted, "answer the subscriptions")
        return self._granted[mid or 0]

    def publish(self, topic: str, body: bytes, times: int = 1) -> ReasonCode:
        """Publish at QoS 1, so many times; what the broker says to the last."""
        mids = [self._client.publish(topic, body, qos=1).mid for _ in range(times)]
        self._wait_for(lambda: all(mid in self._acknowledged for mid in mids), "acknowledge what was published", 3 * WAIT_S)
        return self._acknowledged[mids[-1]]

    def hear(self, is_enough: Callable[[], bool], quiet_s: float = 1.0) -> None:
        """Wait until ``is_enough``, or nothing more has come for ``quiet_s``."""
        deadline, seen = time.monotonic() + quiet_s, len(self.heard)
        while not is_enough() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            if seen != len(self.heard):
                deadline, seen = time.monotonic() + quiet_s, len(self.heard)

    def _be_let_in(self) -> None:
        self._wait_for(lambda: bool(self._connected), "answer the connection request")
        ((reason, flags),) = self._connected
        if reason.is_failure:
            raise BrokerRefused(f"{self._mqtt.url} refused the connection: {reason}", reason.value)
        self.is_session_present = bool(flags.session_present)

    def _take(self, client: Any, _data: object, message: Any) -> None:
        self.heard.append((message.topic, message.payload, message.retain))
        client.ack(message.mid, message.qos)

    def _wait_for(self, is_there: Callable[[], bool], what: str, limit_s: float = WAIT_S) -> None:
        deadline = time.monotonic() + limit_s
        pause = threading.Event()
        while not is_there():
            if self._ended is not None:
                raise BusUnavailable(f"{self._mqtt.url} closed the connection: {self._ended}")
            if time.monotonic() > deadline:
                raise BusUnavailable(f"{self._mqtt.url} did not {what} within {limit_s:g} s")
            pause.wait(_POLL_S)

    def _leave(self) -> None:
        leave(self._client)
