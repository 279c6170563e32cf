"""One message to the broker of ``[mqtt]`` at QoS 1, blocking until it is acknowledged. For verbs; the daemon has its own client."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from axion_bus.config.mqtt import Tls
from axion_bus.errors import AxionError, BusUnavailable, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from paho.mqtt.reasoncodes import ReasonCode

    from axion_bus.config.mqtt import Mqtt

    Answers = queue.SimpleQueue[ReasonCode | BusUnavailable]

TIMEOUT_S = 10.0
_NO_MATCHING_SUBSCRIBERS = 0x10  # MQTT 5 section 3.4.2.1


def publish(mqtt: Mqtt, topic: str, body: bytes) -> bool:
    """Publish ``body`` and wait for the PUBACK; False if the broker said (MQTT 5 only) that nobody is subscribed.

    Raises:
        BusUnavailable: the broker cannot be reached, refuses the connection, or gives no answer in time.
        AxionError: the broker refuses the message.

    """
    with _connected(mqtt) as (client, answers):
        client.publish(topic, body, qos=1)
        reason = _answer(answers, mqtt, "acknowledge the message")
    if reason.is_failure:
        raise AxionError(f"{mqtt.url} refused the message on {topic}: {reason}")
    return bool(reason.value != _NO_MATCHING_SUBSCRIBERS)


@contextmanager
def _connected(mqtt: Mqtt) -> Iterator[tuple[paho.Client, Answers]]:
    """A client on a session of its own, and the reason codes of CONNACK and PUBACK as they come."""
    answers: Answers = queue.SimpleQueue()
    client = _client(mqtt)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(reason)
    client.on_publish = lambda _client, _data, _mid, reason, _properties: answers.put(reason)
    client.on_disconnect = lambda _client, _data, _flags, reason, _properties: answers.put(
        BusUnavailable(f"{mqtt.url} closed the connection: {reason}")
    )
    try:
        client.connect(mqtt.url.host, mqtt.url.port, keepalive=mqtt.keepalive_s)
    except OSError as exc:
        raise BusUnavailable(f"cannot connect to {mqtt.url}: {exc.strerror or exc}") from exc
    client.loop_start()
    try:
        reason = _answer(answers, mqtt, "answer the connection request")
        if reason.is_failure:
            raise BusUnavailable(f"{mqtt.url} refused the connection: {reason}")
        yield client, answers
    finally:
        client.disconnect()
        client.loop_stop()


def _client(mqtt: Mqtt) -> paho.Client:
    is_five = mqtt.protocol == 5
    options: dict[str, Any] = {} if is_five else {"clean_session": True}
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"axion-bus-send-{uuid4().hex[:8]}",  # never the daemon's: that would take over its session
        protocol=MQTTProtocolVersion.MQTTv5 if is_five else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        **options,
    )
    client.connect_timeout = TIMEOUT_S
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, mqtt.password.reveal() if mqtt.password else None)
    if mqtt.url.tls:
        _use_tls(client, mqtt.tls or Tls())
    return client


def _use_tls(client: paho.Client, tls: Tls) -> None:
    try:
        client.tls_set(_text(tls.ca_file), _text(tls.cert_file), _text(tls.key_file))
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise ConfigError(f"mqtt.tls: the certificates cannot be used: {exc}") from exc


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _answer(answers: Answers, mqtt: Mqtt, what: str) -> ReasonCode:
    try:
        answer = answers.get(timeout=TIMEOUT_S)
    except queue.Empty:
        raise BusUnavailable(f"{mqtt.url} did not {what} within {TIMEOUT_S:g} s") from None
    if isinstance(answer, BusUnavailable):
        raise answer
    return answer
