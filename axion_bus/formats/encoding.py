"""Bytes as text: UTF-8 without a byte order mark, and nothing else. Used by every format."""

from __future__ import annotations

from axion_bus.domain.communication import Fault
from axion_bus.formats.message import Unreadable

_MARKS = ((b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def text_of(body: bytes) -> str:
    """``body`` as text. Raises Unreadable where it is empty or not UTF-8, or begins with a byte order mark (RFC 8259 8.1)."""
    if not body or body.isspace():
        raise Unreadable(Fault.EMPTY, "", "the message is empty" if not body else "the message is only white space")
    for mark, name in _MARKS:
        if body.startswith(mark):
            raise Unreadable(Fault.BAD_ENCODING, "", f"begins with the byte order mark of {name}; send UTF-8 without one")
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise Unreadable(Fault.BAD_ENCODING, "", f"not UTF-8: {exc.reason} at byte {exc.start}") from None
