"""Paho's client for the daemon: it hands over what comes as it came, and talks to the system once for many packets.

Paho itself asks four times for each packet it reads and once for each it writes, which is most of what a message costs. This stands
on paho's internals, as 2.1 and 2.2 have them; tests/contract/mqtt holds it to a real broker. Driven by ``buses.connection`` only.
"""

from __future__ import annotations

import socket
import struct
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from axion_bus.buses.packets import Arrived, read_publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.buses.packets import Publish

_READ_BYTES = 65_536


class Wire(paho.Client):
    """Each PUBLISH goes to ``take`` and each PUBACK, as (packet identifier, reason), to ``acknowledged``; they must not raise.

    What is sent in one turn of the loop is written together in the next, which ``soon`` brings about. ``packets`` counts what came.

    Paho's own reading of PUBLISH has three more faults. It takes U+FEFF in a property for malformed, which MQTT 5 1.5.4 allows, and
    ends the connection: the broker would send that message again and again, and nothing behind it (its issue 173 is of that kind).
    It copies the rest of the packet for each property: 40,000 of them hold the loop up for 5 s. And QoS 2 cannot be acknowledged
    by hand (its issue 382). So seen in 2.2.0.
    """

    def __init__(
        self,
        *arguments: Any,
        take: Callable[[Publish], None],
        acknowledged: Callable[[int, ReasonCode], None],
        soon: Callable[[Callable[[], None]], object],
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self._take: Callable[[Publish], None] | None = take
        self._acknowledged: Callable[[int, ReasonCode], None] | None = acknowledged
        self._soon = soon
        self._arrived = Arrived()
        self._gathered = bytearray()
        self.packets = 0

    def acknowledge(self, mid: int, qos: int) -> None:
        """Tell the broker that the message needs not be sent again: PUBACK, or at QoS 2 PUBREC."""
        self.send(struct.pack("!BBH", paho.PUBREC if qos == 2 else paho.PUBACK, 2, mid))

    def ping(self) -> None:
        """Send a ping whose answer nobody waits for."""
        self.send(struct.pack("!BB", paho.PINGREQ, 0))

    def new_mid(self) -> int:
        """A packet identifier that was not given out for a long time."""
        return self._mid_generate()

    def send(self, packet: bytes) -> None:
        """Send a whole packet, behind those before it."""
        if not self._gathered:
            self._soon(self.flush)
        self._gathered += packet

    def flush(self) -> None:
        """Hand what is gathered to paho, which writes it when the socket takes it."""
        if self._gathered:
            self._packet_queue(0, bytes(self._gathered), 0, 1)
            self._gathered.clear()

    def let_go(self) -> None:
        """Call nobody any more: callbacks are what makes a ring of us and those who drive us."""
        self._take = self._acknowledged = None
        self.on_log = self.on_connect = self.on_subscribe = self.on_disconnect = None
        self.on_socket_close = self.on_socket_register_write = self.on_socket_unregister_write = None
        self._gathered.clear()

    def _packet_read(self) -> MQTTErrorCode:
        """Handle one packet; the system is asked only when none is whole yet."""
        try:
            while (packet := self._arrived.packet()) is None:
                data = self._sock_recv(_READ_BYTES)
                if not data:
                    return MQTTErrorCode.MQTT_ERR_CONN_LOST
                self._last_bytes_received = time.monotonic()
                self._arrived.add(data)
        except BlockingIOError:
            self._confirm_at_once()
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except ValueError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        except OSError as exc:
            self._easy_log(LogLevel.MQTT_LOG_ERR, "failed to receive on socket: %s", exc)
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        self.packets += 1
        return self._handle(*packet)

    def _confirm_at_once(self) -> None:
        """Let TCP confirm what was read, which it would do within 40 ms only: until then the broker's TCP holds back what is short.

        Mosquitto's does so with each message that follows another or an acknowledgement, unless set_tcp_nodelay is on. The option
        has to be set anew each time (tcp(7)).
        """
        sock: Any = self._sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _handle(self, first: int, rest: bytearray) -> MQTTErrorCode:
        match first & 0xF0:
            case paho.PUBLISH:
                return self._handle_one(first, rest)
            case paho.PUBACK:
                if self._acknowledged is not None:
                    self._acknowledged(int.from_bytes(rest[:2], "big"), _reason(rest[2] if len(rest) > 2 else 0))
            case paho.PUBREL:
                self.send(struct.pack("!BB2s", paho.PUBCOMP, 2, rest[:2]))
            case _:
                paho_s = self._in_packet
                paho_s["command"], paho_s["packet"], paho_s["remaining_length"], paho_s["pos"] = first, rest, len(rest), 0
                return self._packet_handle()
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_one(self, first: int, rest: bytearray) -> MQTTErrorCode:
        try:
            publish = read_publish(first, rest, is_five=self._protocol == MQTTProtocolVersion.MQTTv5)
        except ValueError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if self._take is not None:
            self._take(publish)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


@lru_cache(maxsize=256)
def _reason(code: int) -> ReasonCode:
    return ReasonCode(PacketTypes.PUBACK, identifier=code)
