"""What is in a PUBLISH packet (MQTT 5 3.3, 3.1.1 3.3): read as the broker sent it, and its properties written. Pure.

A property is never a reason to refuse a message: what cannot be read of it, or is too much, is left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.properties import Properties

from axion_bus.ports import Attributes

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PROPERTIES = 64
"""How many properties are read of a message; the rest is skipped."""
MAX_PROPERTY_BYTES = 8192
"""How much of their text is kept, of all of them together."""

_CONTENT_TYPE = 3
_SUBSCRIPTION_IDENTIFIER = 11
_USER_PROPERTY = 38
_FIXED_SIZE = {1: 1, 2: 4, 35: 2}
_STRINGS = {_CONTENT_TYPE: 1, 8: 1, 9: 1, _USER_PROPERTY: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A PUBLISH packet, its topic not decoded. ``mid`` is 0 at QoS 0."""

    topic: bytes
    body: bytes
    mid: int
    qos: int
    is_retained: bool
    is_duplicate: bool
    attributes: Attributes | None


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
    content_type: str | None = None
    user: list[tuple[str, str]] = []
    room = MAX_PROPERTY_BYTES
    try:
        for _ in range(MAX_PROPERTIES):
            if place >= end:
                break
            kind, texts, place = _property(packet, place, end)
            size = sum(map(len, texts))
            if kind not in (_CONTENT_TYPE, _USER_PROPERTY) or size > room:
                continue
            room -= size
            decoded = [text.decode("utf-8", "backslashreplace") for text in texts]
            if kind == _CONTENT_TYPE:
                content_type = decoded[0]
            else:
                user.append((decoded[0], decoded[1]))
    except (ValueError, KeyError, IndexError):
        pass  # the broker should have refused it; what was read so far stands
    return Attributes(content_type=content_type, properties=tuple(user)) if content_type or user else None


def _property(packet: bytes | bytearray, place: int, end: int) -> tuple[int, list[bytes], int]:
    """The property at ``place``: its identifier, its texts, and where the next one is (MQTT 5 2.2.2.2)."""
    kind = packet[place]
    place += 1
    texts: list[bytes] = []
    if kind == _SUBSCRIPTION_IDENTIFIER:
        _, place = _integer(packet, place)
    elif kind in _FIXED_SIZE:
        place += _FIXED_SIZE[kind]
    else:
        for _ in range(_STRINGS[kind]):
            text, place = _text(packet, place, end)
            texts.append(text)
    return kind, texts, place


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


class PublishProperties(Properties):
    """Properties of a PUBLISH that are written already: paho takes 60 us for what takes 4, and there is one for each event."""

    packed: bytes

    def __init__(self, packed: bytes) -> None:
        object.__setattr__(self, "packed", packed)  # paho's own takes no name but those of properties

    def pack(self) -> bytes:
        """As they are sent, their length before them."""
        return self.packed


def publish_properties(*, content_type: str | None = None, user: Sequence[tuple[str, str]] = ()) -> PublishProperties:
    """The MQTT 5 properties of a PUBLISH. Raises ValueError for a text of more than 65,535 bytes."""
    written = bytearray()
    if content_type is not None:
        written += bytes((_CONTENT_TYPE,)) + _written(content_type)
    for name, value in user:
        written += bytes((_USER_PROPERTY,)) + _written(name) + _written(value)
    return PublishProperties(_written_integer(len(written)) + bytes(written))


def _written(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 65_535:
        raise ValueError(f"a property of {len(encoded)} bytes is too long for MQTT")
    return len(encoded).to_bytes(2, "big") + encoded


def _written_integer(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
