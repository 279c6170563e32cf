"""Messages out of a stream of bytes (D-Bus specification, Message Format), each on its own: one that is broken costs only itself.

What is larger than it may be is cut down to its header, and never held in memory. Used by ``link`` only.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from axion_bus.buses.dbus.parsing import FIXED, Incoming, parse

if TYPE_CHECKING:
    from dbus_next.message import Message

Limit = Callable[[int], int]

MAX_HEADER = 64 * 1024
"""What a header may be. D-Bus allows a thousand times that, and nobody has such a path."""
_MAX_ARRAY = 64 * 1024 * 1024
_SIZES = {ord("l"): Struct("<III"), ord("B"): Struct(">III")}


class Broken(Exception):
    """The stream is not D-Bus any more; nothing that follows can be understood."""


class Frames:
    """Takes bytes as they come, gives messages; ``limit`` says how long the body of a message of some type may be.

    A longer one comes without its body, but with its signature. ``unreadable`` counts messages that could not be parsed, or have a
    header that is too long.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._start = 0
        self._skip = 0
        self.unreadable = 0

    @property
    def held(self) -> int:
        """How many bytes wait to be taken."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes) -> None:
        """More bytes."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data

    def next(self) -> Message | None:
        """The next message; None: it is not here yet. Raises Broken."""
        while (frame := self._next_frame()) is not None:
            message = _parsed(frame)
            if message is not None:
                return message
            self.unreadable += 1
        return None

    def _next_frame(self) -> bytes | bytearray | None:
        if self.held < FIXED:
            self._compact()
            return None
        start = self._start
        endian, kind = self._buffer[start], self._buffer[start + 1]
        if endian not in _SIZES:
            raise Broken(f"a message begins with {endian:#x}")
        body, _, fields = _SIZES[endian].unpack_from(self._buffer, start + 4)
        if fields > _MAX_ARRAY:
            raise Broken(f"a message has a header of {fields} bytes")
        header = FIXED + (fields + 7) // 8 * 8
        if header > MAX_HEADER:
            self._skip_over(header + body)
            return b""  # of which nobody can make a message
        is_cut = body > self._limit(kind)
        length = header + (0 if is_cut else body)
        if self.held < length:
            self._compact()
            return None
        frame = self._buffer[start : start + length]
        self._start += length
        if is_cut:
            frame[4:8] = bytes(4)
            self._skip_over(body)
        return frame

    def _skip_over(self, length: int) -> None:
        here = min(length, self.held)
        self._start += here
        self._skip = length - here

    def _compact(self) -> None:
        del self._buffer[: self._start]
        self._start = 0


def is_cut(message: Message) -> bool:
    """Whether ``message`` was too large, and has lost its body."""
    return bool(message.signature) and not message.body


def length_of(message: Message) -> int:
    """How many bytes ``message`` had on the bus, as far as it was held."""
    return message.length if isinstance(message, Incoming) else 0


def _parsed(frame: bytes | bytearray) -> Message | None:
    try:
        return parse(frame)
    except Exception:  # noqa: BLE001 - the parser raises whatever it stumbled over
        return None
