"""One message to the broker of ``[mqtt]`` at QoS 1, blocking until it is acknowledged. For verbs; the daemon has its own client."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from axion_bus.buses.client import connect, leave, new_client
from axion_bus.errors import AxionError, BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paho.mqtt import client as paho
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
    client = new_client(mqtt, client_id=f"axion-bus-send-{uuid4().hex[:8]}", keeps_session=False)  # never the daemon's id
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(reason)
    client.on_publish = lambda _client, _data, _mid, reason, _properties: answers.put(reason)
    client.on_disconnect = lambda _client, _data, _flags, reason, _properties: answers.put(
        BusUnavailable(f"{mqtt.url} closed the connection: {reason}")
    )
    try:
        connect(client, mqtt)
    except (OSError, ValueError) as exc:
        raise BusUnavailable(f"cannot connect to {mqtt.url}: {getattr(exc, 'strerror', None) or exc}") from exc
    client.loop_start()
    try:
        reason = _answer(answers, mqtt, "answer the connection request")
        if reason.is_failure:
            raise BusUnavailable(f"{mqtt.url} refused the connection: {reason}")
        yield client, answers
    finally:
        leave(client)


def _answer(answers: Answers, mqtt: Mqtt, what: str) -> ReasonCode:
    try:
        answer = answers.get(timeout=TIMEOUT_S)
    except queue.Empty:
        raise BusUnavailable(f"{mqtt.url} did not {what} within {TIMEOUT_S:g} s") from None
    if isinstance(answer, BusUnavailable):
        raise answer
    return answer
