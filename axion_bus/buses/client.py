"""A paho client set up as ``[mqtt]`` says: protocol, session, credentials, certificates. Not connected, no callback set.

The daemon's connections and the shell's publisher both begin here, so that what one can reach the other can.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.config.mqtt import Tls
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import SocketLike

    from axion_bus.config.mqtt import Mqtt

C = TypeVar("C", bound=paho.Client)

CONNECT_TIMEOUT_S = 5.0
"""How long each of a TCP connection and a TLS handshake may take; paho blocks for them."""
FOR_EVER = 0xFFFF_FFFF
"""A Session Expiry Interval: the broker never forgets the session (MQTT 5 3.1.2.11.2)."""


def new_client(mqtt: Mqtt, *, client_id: str, keeps_session: bool) -> paho.Client:
    """Paho's own client for the broker of ``mqtt``. Raises ConfigError as ``new_client_of`` does."""
    return new_client_of(paho.Client, mqtt, client_id=client_id, keeps_session=keeps_session)


def leave(client: paho.Client) -> None:
    """End a client that ``loop_start`` has given a thread: from any thread but that, blocking until it has ended."""
    client.disconnect()
    client.loop_stop()
    client._reset_sockets()  # noqa: SLF001 - two of loop_start's stay open until the garbage is collected (paho-mqtt 2.2.0)


def new_client_of(kind: Callable[..., C], mqtt: Mqtt, *, client_id: str, keeps_session: bool) -> C:
    """A client of that ``kind``, which neither reconnects nor acknowledges by itself.

    Raises:
        ConfigError: a certificate or key cannot be used.

    """
    is_five = mqtt.protocol == 5
    session: dict[str, Any] = {} if is_five else {"clean_session": not keeps_session}
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if is_five else MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
        reconnect_on_failure=False,
        **session,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, mqtt.password.reveal() if mqtt.password else None)
    if mqtt.url.tls:
        client.tls_set_context(_tls_context(mqtt.tls or Tls()))
    return client


def check_certificates(mqtt: Mqtt) -> None:
    """Raise ConfigError if the certificates of ``mqtt`` cannot be used."""
    if mqtt.url.tls:
        _tls_context(mqtt.tls or Tls())


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
    sock: Any = client.socket()
    if sock is not None:  # TCP would hold back an event behind an acknowledgement for up to 40 ms
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def connect_beside(
    client: paho.Client, mqtt: Mqtt, *, keeps_session: bool, receive_maximum: int, timeout_s: float
) -> SocketLike:
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
