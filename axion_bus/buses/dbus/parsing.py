"""One message out of its bytes (D-Bus specification, Message Format). Used by ``framing`` only.

The header, and the one text that most alerts are, are read here: dbus-next takes three times as long, because it checks once more
what the bus has checked. All other arguments are left to dbus-next.
"""

from __future__ import annotations

from io import BytesIO
from struct import Struct
from typing import TYPE_CHECKING, Any

from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message
from dbus_next.signature import SignatureTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIXED = 16
MAX_SIGNATURES = 4096
_U32 = {ord("l"): Struct("<I"), ord("B"): Struct(">I")}
_FLAGS = [MessageFlag(number) for number in range(8)]
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_NEEDED = {
    MessageType.METHOD_CALL: (_PATH, _MEMBER),
    MessageType.SIGNAL: (_PATH, _MEMBER, _INTERFACE),
    MessageType.ERROR: (_ERROR_NAME, _REPLY_SERIAL),
    MessageType.METHOD_RETURN: (_REPLY_SERIAL,),
}


class Incoming(Message):
    """A message as it came; ``length`` is how many bytes it had, as far as they were held. Its names are what the bus checked."""

    length: int

    def __init__(self, kind: MessageType, flags: int, serial: int, fields: Mapping[int, Any], length: int) -> None:
        """Not dbus-next's, which checks every name by regular expressions."""
        given: Callable[[int], Any] = fields.get
        self.message_type = kind
        self.flags = _FLAGS[flags & 7]
        self.serial = serial
        self.path = given(_PATH)
        self.interface = given(_INTERFACE)
        self.member = given(_MEMBER)
        self.error_name = given(_ERROR_NAME)
        self.reply_serial = given(_REPLY_SERIAL)
        self.destination = given(_DESTINATION)
        self.sender = given(_SENDER)
        self.signature = fields.get(_SIGNATURE, "")
        self.unix_fds = []
        self.body = []
        self.length = length


def parse(frame: bytes | bytearray) -> Incoming:
    """The message in ``frame``, which has all of it and nothing else. Raises whatever exception, if it is none."""
    u32 = _U32[frame[0]]
    kind = MessageType(frame[1])
    (body_length,), (serial,), (fields_length,) = (u32.unpack_from(frame, at) for at in (4, 8, 12))
    if frame[3] != 1:
        raise ValueError(f"protocol version {frame[3]}")
    fields = _fields(frame, FIXED + fields_length, u32)
    if not all(fields.get(code) for code in _NEEDED[kind]):
        raise ValueError(f"{kind.name} lacks a header field")
    message = Incoming(kind, frame[2], serial, fields, len(frame))
    start = FIXED + (fields_length + 7) // 8 * 8
    message.signature_tree = SignatureTree._get(message.signature)  # noqa: SLF001 - dbus-next has no other way
    if len(SignatureTree._cache) > MAX_SIGNATURES:  # noqa: SLF001 - it keeps every signature that anybody ever sent
        SignatureTree._cache.clear()  # noqa: SLF001 - the same
    if body_length:
        message.body = [_text(frame, start, u32)] if message.signature == "s" else _arguments(frame, start, message.signature_tree)
    return message


def _fields(frame: bytes | bytearray, end: int, u32: Struct) -> dict[int, Any]:
    """The header fields by their code; those of a type that no field has are a fault."""
    found: dict[int, Any] = {}
    at = FIXED
    while at < end:
        at = (at + 7) // 8 * 8
        code, signature = frame[at], bytes(frame[at + 1 : at + 4])
        at += 4
        if signature in (b"\1s\0", b"\1o\0"):
            (size,) = u32.unpack_from(frame, at)
            found[code] = frame[at + 4 : at + 4 + size].decode()
            at += 4 + size + 1
        elif signature == b"\1g\0":
            size = frame[at]
            found[code] = frame[at + 1 : at + 1 + size].decode("ascii")
            at += 1 + size + 1
        elif signature == b"\1u\0":
            (found[code],) = u32.unpack_from(frame, at)
            at += 4
        else:
            raise ValueError(f"header field {code} has the type {signature!r}")
    if at != end:
        raise ValueError("the header does not end where it says")
    return found


def _text(frame: bytes | bytearray, start: int, u32: Struct) -> str:
    (size,) = u32.unpack_from(frame, start)
    if start + 4 + size + 1 != len(frame):
        raise ValueError("the argument does not end where the message does")
    return frame[start + 4 : -1].decode()


def _arguments(frame: bytes | bytearray, start: int, signature: SignatureTree) -> list[Any]:
    reader = Unmarshaller(BytesIO())  # type: ignore[no-untyped-call] # dbus-next's has no types
    reader.buf, reader.offset, reader.endian = bytearray(frame), start, frame[0]
    return [reader.read_argument(each) for each in signature.types]  # type: ignore[no-untyped-call]
