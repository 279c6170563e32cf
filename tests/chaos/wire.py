"""MQTT as it goes over the wire, 3.1.1 and 5: packets cut out of a stream of bytes, and a few made by hand.

Our own reading of the standard, independent of the library that the daemon uses. Nothing here knows the daemon.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(IntEnum):
    """The type of a packet (MQTT 5 2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: the four bits beside its type, and what follows its length."""

    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """What a PUBLISH says; ``mid`` None: at QoS 0. ``topic`` is as it came, UTF-8 or not."""

    topic: bytes
    mid: int | None
    payload: bytes
    is_duplicate: bool


class Packets:
    """Cuts packets out of a stream of bytes, however it comes in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are whole with ``data``."""
        self._buffer += data
        while (found := self._cut()) is not None:
            yield found

    def _cut(self) -> Packet | None:
        if len(self._buffer) < 2:
            return None
        try:
            size, start = _number(self._buffer, 1)
        except IndexError:
            return None
        if len(self._buffer) < start + size:
            return None
        first, body = self._buffer[0], bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return Packet(first >> 4, first & 0xF, body)


def protocol_of(connect: Packet) -> int:
    """The protocol level of a CONNECT: 5, or 4 for 3.1.1."""
    return connect.body[6]


def publish_of(packet: Packet, protocol: int) -> Publish:
    """A PUBLISH taken apart (MQTT 5 3.3)."""
    body = packet.body
    end = 2 + int.from_bytes(body[:2])
    topic, qos = body[2:end], packet.flags >> 1 & 3
    mid = int.from_bytes(body[end : end + 2]) if qos else None
    end += 2 if qos else 0
    if protocol == 5:
        size, start = _number(body, end)
        end = start + size
    return Publish(topic, mid, body[end:], bool(packet.flags & 8))


def mid_of(packet: Packet) -> int:
    """The packet identifier that a PUBACK or a SUBSCRIBE begins with."""
    return int.from_bytes(packet.body[:2])


def is_refusal(puback: Packet) -> bool:
    """Whether a PUBACK says that the message was not taken: a reason of 0x80 or more (MQTT 5 3.4.2.1)."""
    return len(puback.body) > 2 and puback.body[2] >= 0x80


def packet(kind: Kind, body: bytes, flags: int = 0) -> bytes:
    """A packet as bytes."""
    return bytes([kind << 4 | flags]) + _number_as_bytes(len(body)) + body


def text(value: str | bytes) -> bytes:
    """A string with its length in front (MQTT 5 1.5.4); bytes go as they are, UTF-8 or not."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2) + data


def connect(client_id: str, *, protocol: int = 5, keeps_session: bool = True) -> bytes:
    """A CONNECT without a will or a user; keepalive 60 s."""
    properties = b"\x05\x11\xff\xff\xff\xff" if keeps_session else b"\x00"  # 17: Session Expiry Interval
    flags = 0 if keeps_session else 2
    head = text("MQTT") + bytes([protocol, flags]) + (60).to_bytes(2)
    return packet(Kind.CONNECT, head + (properties if protocol == 5 else b"") + text(client_id))


def publish(topic: str | bytes, payload: bytes, *, mid: int = 0, properties: bytes | None = b"", flags: int = 0) -> bytes:
    """A PUBLISH, at QoS 1 if it has a ``mid``; ``properties`` None is for 3.1.1, where there are none."""
    body = text(topic) + (mid.to_bytes(2) if mid else b"")
    if properties is not None:
        body += _number_as_bytes(len(properties)) + properties
    return packet(Kind.PUBLISH, body + payload, flags | (2 if mid else 0))


def _number(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """The variable byte integer at ``at``, and where what follows it begins (MQTT 5 1.5.5)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _number_as_bytes(value: int) -> bytes:
    found = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        found.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(found)
