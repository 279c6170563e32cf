"""A paho client set up as ``[mqtt]`` says: protocol, session, credentials, certificates. Not connected, no callback set.

The daemon's connections and the shell's publisher both begin here, so that what one can reach the other can.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.config.mqtt import Tls
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from axion_bus.config.mqtt import Mqtt

CONNECT_TIMEOUT_S = 5.0
"""How long the TCP connection may take; paho blocks for it."""
FOR_EVER = 0xFFFF_FFFF
"""A Session Expiry Interval: the broker never forgets the session (MQTT 5 3.1.2.11.2)."""


def new_client(mqtt: Mqtt, *, client_id: str, keeps_session: bool) -> paho.Client:
    """A client that never reconnects by itself and acknowledges nothing by itself.

    Raises:
        ConfigError: a certificate or key cannot be used.

    """
    is_five = mqtt.protocol == 5
    session: dict[str, Any] = {} if is_five else {"clean_session": not keeps_session}
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if is_five else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
        **session,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, mqtt.password.reveal() if mqtt.password else None)
    if mqtt.url.tls:
        _use_tls(client, mqtt.tls or Tls())
    return client


def connect(client: paho.Client, mqtt: Mqtt, *, keeps_session: bool = False, receive_maximum: int | None = None) -> None:
    """Connect, blocking until CONNECT is sent. ``receive_maximum`` bounds what the broker may have unacknowledged (MQTT 5 only).

    Raises:
        OSError, ValueError: as the socket, TLS or the host name's encoding failed.

    """
    arguments: dict[str, Any] = {}
    if mqtt.protocol == 5:
        properties = new_properties(PacketTypes.CONNECT)
        if keeps_session:
            properties.SessionExpiryInterval = FOR_EVER
        if receive_maximum is not None:
            properties.ReceiveMaximum = receive_maximum
        arguments = {"clean_start": not keeps_session, "properties": properties}
    client.connect(mqtt.url.host, mqtt.url.port, keepalive=mqtt.keepalive_s, **arguments)


async def connect_beside(client: paho.Client, mqtt: Mqtt, *, keeps_session: bool, receive_maximum: int) -> None:
    """``connect`` beside the loop. The thread is a daemon: a name look-up that hangs must not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(exc: Exception | None) -> None:
        if not done.done():
            done.set_exception(exc) if exc else done.set_result(None)

    def run() -> None:
        problem = None
        try:
            connect(client, mqtt, keeps_session=keeps_session, receive_maximum=receive_maximum)
        except Exception as exc:  # noqa: BLE001 - carried over to the loop, where it is handled
            problem = exc
        try:
            loop.call_soon_threadsafe(settle, problem)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    await done


def new_properties(packet_type: int) -> Properties:
    """Empty MQTT 5 properties of a packet of ``packet_type`` (paho's own constructor has no types)."""
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def properties_of(*, content_type: str | None, user: Sequence[tuple[str, str]]) -> Properties:
    """The MQTT 5 properties of a PUBLISH."""
    properties = new_properties(PacketTypes.PUBLISH)
    if content_type is not None:
        properties.ContentType = content_type
    if user:
        properties.UserProperty = list(user)
    return properties


def _use_tls(client: paho.Client, tls: Tls) -> None:
    try:
        client.tls_set(_text(tls.ca_file), _text(tls.cert_file), _text(tls.key_file))
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise ConfigError(f"mqtt.tls: the certificates cannot be used: {exc}") from exc


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
