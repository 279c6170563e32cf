"""Packets cut out of what arrives (MQTT 5 2.1), and PUBLISH (3.3; 3.1.1 alike): read as the broker sent it, and written. Pure.

A property is never a reason to refuse a message: what cannot be read of it, or is too much, is left out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable
from axion_bus.domain.topics import check_name
from axion_bus.ports import Attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PROPERTIES = 64
"""How many properties are read of a message; the rest is skipped."""
MAX_PROPERTY_BYTES = 8192
"""How much of their text is kept, of all of them together."""

_PUBLISH_AT_QOS_1 = 0x32
_MAX_INTEGER = 0x0FFF_FFFF
_EXPIRY = 2
_CONTENT_TYPE = 3
_RESPONSE_TOPIC = 8
_CORRELATION = 9
_SUBSCRIPTION_IDENTIFIER = 11
_USER_PROPERTY = 38
_FIXED_SIZE = {1: 1, _EXPIRY: 4, 35: 2}
_TEXTS = {_CONTENT_TYPE: 1, _RESPONSE_TOPIC: 1, _CORRELATION: 1, _USER_PROPERTY: 2}
"""By identifier, how many bytes or how many texts a property of PUBLISH has (MQTT 5 2.2.2.2)."""


@immutable(frozen=True, slots=True, kw_only=True)
class Publish:
    """A PUBLISH packet, its topic not decoded. ``mid`` is 0 at QoS 0."""

    topic: bytes
    body: bytes
    mid: int
    qos: int
    is_retained: bool
    is_duplicate: bool
    attributes: Attributes | None


class Arrived:
    """The bytes that came, of which whole packets are taken, in order."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._place = 0

    def add(self, data: bytes) -> None:
        """More of them came."""
        del self._bytes[: self._place]
        self._place = 0
        self._bytes += data

    def packet(self) -> tuple[int, bytearray] | None:
        """The next packet, its first byte and what is behind its length; None until it is whole. Raises ValueError."""
        try:
            size, start = _integer(self._bytes, self._place + 1)
            first = self._bytes[self._place]
        except IndexError:
            return None
        end = start + size
        if end > len(self._bytes):
            return None
        self._place = end
        return first, self._bytes[start:end]


def read_publish(flags: int, packet: bytes | bytearray, *, is_five: bool) -> Publish:
    """The packet behind the fixed header, whose first byte is ``flags``. Raises ValueError if its lengths are not true."""
    qos = flags >> 1 & 3
    try:
        topic, place = _text(packet, 0, len(packet))
        mid = 0
        if qos:
            (mid,) = struct.unpack_from("!H", packet, place)
            place += 2
        attributes = None
        if is_five:
            size, place = _integer(packet, place)
            attributes = _attributes(packet, place, place + size) if size else None
            place += size
    except (struct.error, IndexError) as exc:
        raise ValueError("the packet ends too early") from exc
    if place > len(packet):
        raise ValueError("the properties are longer than the packet")
    return Publish(
        topic=topic,
        body=bytes(packet[place:]),
        mid=mid,
        qos=qos,
        is_retained=bool(flags & 1),
        is_duplicate=bool(flags & 8),
        attributes=attributes,
    )


def _attributes(packet: bytes | bytearray, place: int, end: int) -> Attributes | None:
    told: dict[int, bytes] = {}
    user: list[tuple[str, str]] = []
    room = MAX_PROPERTY_BYTES
    try:
        for _ in range(MAX_PROPERTIES):
            if place >= end:
                break
            kind, values, place = _property(packet, place, end)
            size = sum(map(len, values))
            if size > room:
                continue
            room -= size
            if kind == _USER_PROPERTY:
                user.append((_decoded(values[0]), _decoded(values[1])))
            else:
                told[kind] = values[0]
    except (ValueError, KeyError, IndexError):
        pass  # the broker should have refused it; what was read so far stands
    return _told(told, tuple(user))


def _told(told: Mapping[int, bytes], user: tuple[tuple[str, str], ...]) -> Attributes | None:
    wanted = told.keys() & {_CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION, _EXPIRY}
    if not wanted and not user:
        return None
    return Attributes(
        content_type=_decoded(told[_CONTENT_TYPE]) if _CONTENT_TYPE in told else None,
        properties=user,
        response_topic=_decoded(told[_RESPONSE_TOPIC]) if _RESPONSE_TOPIC in told else None,
        correlation=told.get(_CORRELATION),
        expires_s=int.from_bytes(told[_EXPIRY], "big") if _EXPIRY in told else None,
    )


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _property(packet: bytes | bytearray, place: int, end: int) -> tuple[int, list[bytes], int]:
    """The property at ``place``: its identifier, its value or values, and where the next one is."""
    kind = packet[place]
    place += 1
    if kind == _SUBSCRIPTION_IDENTIFIER:
        _, after = _integer(packet, place)
        return kind, [bytes(packet[place:after])], after
    if kind in _FIXED_SIZE:
        after = place + _FIXED_SIZE[kind]
        if after > end:
            raise ValueError("a number is longer than what it is in")
        return kind, [bytes(packet[place:after])], after
    values: list[bytes] = []
    for _ in range(_TEXTS[kind]):
        value, place = _text(packet, place, end)
        values.append(value)
    return kind, values, place


def _text(packet: bytes | bytearray, place: int, end: int) -> tuple[bytes, int]:
    """The bytes behind a two-byte length, and the place behind them (MQTT 5 1.5.4, 1.5.6)."""
    start = place + 2
    after = start + (packet[place] << 8 | packet[place + 1])
    if after > end:
        raise ValueError("a text is longer than what it is in")
    return bytes(packet[start:after]), after


def _integer(packet: bytes | bytearray, place: int) -> tuple[int, int]:
    """A variable byte integer, and the place behind it (MQTT 5 1.5.5)."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = packet[place]
        place += 1
        value |= (byte & 127) << shift
        if not byte & 128:
            return value, place
    raise ValueError("an integer is longer than four bytes")


def written_publish(topic: str, body: bytes, *, mid: int, retain: bool, properties: bytes) -> bytes:
    """A PUBLISH at QoS 1; ``properties`` as they are sent, empty for MQTT 3.1.1. Raises ValueError for what cannot be sent."""
    check_name(topic)
    variable = _written(topic.encode()) + mid.to_bytes(2, "big") + properties
    return bytes((_PUBLISH_AT_QOS_1 | retain,)) + _written_integer(len(variable) + len(body)) + variable + body


def publish_properties(
    *, content_type: str | None = None, correlation: bytes | None = None, user: Sequence[tuple[str, str]] = ()
) -> bytes:
    """The MQTT 5 properties of a PUBLISH, their length before them. Raises ValueError for one of more than 65,535 bytes."""
    written = bytearray()
    if content_type is not None:
        written += bytes((_CONTENT_TYPE,)) + _written(content_type.encode())
    if correlation is not None:
        written += bytes((_CORRELATION,)) + _written(correlation)
    for name, value in user:
        written += bytes((_USER_PROPERTY,)) + _written(name.encode()) + _written(value.encode())
    return _written_integer(len(written)) + bytes(written)


def _written(value: bytes) -> bytes:
    if len(value) > 65_535:
        raise ValueError(f"a property of {len(value)} bytes is too long for MQTT")
    return len(value).to_bytes(2, "big") + value


def _written_integer(value: int) -> bytes:
    if value > _MAX_INTEGER:
        raise ValueError(f"{value} bytes are too many for MQTT")
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
