"""A paho client set up as ``[mqtt]`` says: protocol, session, credentials, certificates. Not connected, no callback set.

The daemon's connections and the shell's publisher both begin here, so that what one can reach the other can.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.buses.packets import read_publish
from axion_bus.config.mqtt import Tls
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import SocketLike

    from axion_bus.buses.packets import Publish
    from axion_bus.config.mqtt import Mqtt

CONNECT_TIMEOUT_S = 5.0
"""How long each of a TCP connection and a TLS handshake may take; paho blocks for them."""
FOR_EVER = 0xFFFF_FFFF
"""A Session Expiry Interval: the broker never forgets the session (MQTT 5 3.1.2.11.2)."""


class Client(paho.Client):
    """Paho's client, which neither reconnects nor acknowledges by itself.

    If there is a ``take``, each PUBLISH goes there as it came; it must not raise. Paho takes U+FEFF in a property for malformed,
    which MQTT 5 1.5.4 allows, and ends the connection: the broker would send that message again and again, and nothing behind it
    (its issue 173 is of that kind). It copies the rest of the packet for each property: 40,000 of them hold the loop up for 5 s.
    And QoS 2 cannot be acknowledged by hand (its issue 382). So seen in 2.2.0; can go when a later one is better at all three.
    """

    def __init__(self, *, take: Callable[[Publish], None] | None = None, **named: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, manual_ack=True, reconnect_on_failure=False, **named)
        self.take = take

    def acknowledge(self, mid: int, qos: int) -> None:
        """Tell the broker that the message needs not be sent again: PUBACK, or at QoS 2 PUBREC."""
        if qos == 2:
            self._send_pubrec(mid)
        else:
            self._send_puback(mid)

    def ping(self) -> None:
        """Send a ping whose answer nobody waits for."""
        self._send_simple_command(paho.PINGREQ)

    def _handle_publish(self) -> MQTTErrorCode:
        if self.take is None:
            return super()._handle_publish()
        header, packet = self._in_packet["command"], self._in_packet["packet"]
        try:
            publish = read_publish(header, packet, is_five=self._protocol == MQTTProtocolVersion.MQTTv5)
        except ValueError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.take(publish)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubrel(self) -> MQTTErrorCode:
        if self.take is None:
            return super()._handle_pubrel()
        (mid,) = struct.unpack_from("!H", self._in_packet["packet"])
        return self._send_pubcomp(mid)


def new_client(mqtt: Mqtt, *, client_id: str, keeps_session: bool, take: Callable[[Publish], None] | None = None) -> Client:
    """A client for the broker of ``mqtt``; ``take`` as for ``Client``.

    Raises:
        ConfigError: a certificate or key cannot be used.

    """
    is_five = mqtt.protocol == 5
    session: dict[str, Any] = {} if is_five else {"clean_session": not keeps_session}
    client = Client(
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if is_five else MQTTProtocolVersion.MQTTv311,
        take=take,
        **session,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, mqtt.password.reveal() if mqtt.password else None)
    if mqtt.url.tls:
        client.tls_set_context(_tls_context(mqtt.tls or Tls()))
    return client


def connect(client: paho.Client, mqtt: Mqtt, *, keeps_session: bool = False, receive_maximum: int | None = None) -> None:
    """Connect, blocking until the connection is there. ``receive_maximum`` bounds what the broker may have unacknowledged (MQTT 5).

    CONNECT is sent too, unless ``client`` has an ``on_socket_register_write``: then it is queued.

    Raises:
        OSError, ValueError: as the socket, TLS or the host name's encoding failed.

    """
    arguments: dict[str, Any] = {}
    if mqtt.protocol == 5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's has no types
        if keeps_session:
            properties.SessionExpiryInterval = FOR_EVER
        if receive_maximum is not None:
            properties.ReceiveMaximum = receive_maximum
        arguments = {"clean_start": not keeps_session, "properties": properties}
    client.connect(mqtt.url.host, mqtt.url.port, keepalive=mqtt.keepalive_s, **arguments)


async def connect_beside(client: Client, mqtt: Mqtt, *, keeps_session: bool, receive_maximum: int, timeout_s: float) -> SocketLike:
    """``connect`` beside the loop, in a daemon thread: a name look-up that hangs must not keep the process from ending.

    CONNECT stays queued until the loop writes it. So a connection that comes about after we gave up, and is closed then, has not
    taken the session from a later one.

    Raises:
        OSError, ValueError: as for ``connect``; TimeoutError if it takes longer than ``timeout_s``.

    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[SocketLike] = loop.create_future()
    client.on_socket_register_write = _leave_queued

    def settle(result: SocketLike | Exception) -> None:
        if done.done():
            _drop(result)
        elif isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)

    def run() -> None:
        result: SocketLike | Exception
        try:
            connect(client, mqtt, keeps_session=keeps_session, receive_maximum=receive_maximum)
            result = client.socket() or ConnectionError("the connection is gone already")
        except Exception as exc:  # noqa: BLE001 - carried over to the loop, where it is handled
            result = exc
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:  # the loop is closed: nobody waits any more
            _drop(result)

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            return await done
    except TimeoutError as exc:
        raise TimeoutError(str(exc) or f"no connection within {timeout_s:g} s") from exc


def _leave_queued(_client: object, _data: object, _sock: object) -> None:
    """Paho wants to write; its own way, which this callback replaces, would be to write at once, in the thread."""


def _drop(result: SocketLike | Exception) -> None:
    if not isinstance(result, Exception):
        result.close()


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when its handshake fails; paho would leave that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _TlsSocket
    try:
        if tls.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(tls.ca_file)
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file, _no_passphrase)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise ConfigError(f"mqtt.tls: the certificates cannot be used: {exc}") from exc
    return context


def _no_passphrase() -> str:
    """Without this, OpenSSL would ask for it on the terminal and wait."""
    raise ValueError("the key has a passphrase; give one without")
