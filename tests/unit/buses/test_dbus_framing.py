"""Messages out of a stream of bytes: however it is cut, whatever one of them is."""

from __future__ import annotations

import struct

import pytest
from dbus_next.message import Message
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.buses.dbus.framing import Broken, Frames, is_cut


def a_signal(text: str, serial: int = 1) -> bytes:
    message = Message.new_signal("/a", "org.example.Any", "Told", "s", [text])
    message.serial = serial
    return bytes(message._marshall())


def frames(limit: int = 1000) -> Frames:
    return Frames(lambda _kind: limit)


def read(into: Frames, *parts: bytes) -> list[Message]:
    found = []
    for part in parts:
        into.feed(part)
        while (message := into.next()) is not None:
            found.append(message)
    return found


@given(st.lists(st.text(max_size=1500), max_size=5), st.lists(st.integers(1, 400), min_size=1))
def test_a_stream_gives_the_same_messages_however_it_is_cut(texts, sizes):
    stream = b"".join(a_signal(text) for text in texts)
    parts, start = [], 0
    while start < len(stream):
        size = sizes[len(parts) % len(sizes)]
        parts.append(stream[start : start + size])
        start += size

    found = read(frames(), *parts)

    large = [len(text.encode()) + 5 > 1000 for text in texts]
    assert large == [is_cut(message) for message in found]
    assert [[] if cut else [text] for text, cut in zip(texts, large, strict=True)] == [message.body for message in found]


def test_what_was_read_is_not_kept():
    reader = frames()

    read(reader, *(a_signal("x" * 900) for _ in range(50)), a_signal("x" * 900)[:100])

    assert 100 == reader.held == len(reader._buffer)


def test_what_is_too_large_is_never_held():
    reader = frames()
    message = a_signal("x" * 100_000)
    reader.feed(message[:50_000])
    first = reader.next()
    reader.feed(message[50_000:60_000])

    assert is_cut(first)
    assert (None, 0) == (reader.next(), reader.held)


@pytest.mark.parametrize(
    ("offset", "value"),
    [(1, 9), (3, 7), (16, 200), (-3, 0xFF)],
    ids=["type", "version", "header field", "text"],
)
def test_a_message_that_cannot_be_read_costs_only_itself(offset, value):
    broken = bytearray(a_signal("broken"))
    broken[offset] = value
    reader = frames()

    found = read(reader, bytes(broken), a_signal("whole"))

    assert ([["whole"]], 1) == ([message.body for message in found], reader.unreadable)


def written_by_hand(order: str, *fields: tuple[int, bytes, bytes]) -> bytes:
    """A signal without arguments, with these header fields in byte order ``order``."""
    written = b""
    for code, kind, text in fields:
        written = written.ljust((len(written) + 7) // 8 * 8, b"\0")
        written += bytes([code, 1]) + kind + b"\0" + struct.pack(f"{order}I", len(text)) + text + b"\0"
    header = (b"B" if order == ">" else b"l") + b"\4\0\1" + struct.pack(f"{order}III", 0, 1, len(written)) + written
    return header.ljust((len(header) + 7) // 8 * 8, b"\0")


NAMED = ((1, b"o", b"/a"), (2, b"s", b"org.example.Any"), (3, b"s", b"Told"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("more", [(), ((99, b"s", b"what nobody knows"),)], ids=["", "unknown field"])
def test_a_message_of_any_byte_order_is_read_and_a_field_that_nobody_knows_passed_over(order, more):
    found = read(frames(), written_by_hand(order, *more, *NAMED), a_signal("next"))

    assert [("/a", "Told", []), ("/a", "Told", ["next"])] == [(each.path, each.member, each.body) for each in found]


@pytest.mark.parametrize("missing", range(3))
def test_a_signal_that_lacks_a_name_is_none(missing):
    reader = frames()

    found = read(reader, written_by_hand("<", *NAMED[:missing], *NAMED[missing + 1 :]), a_signal("next"))

    assert ([["next"]], 1) == ([each.body for each in found], reader.unreadable)


def test_a_message_whose_header_is_too_long_is_passed_over():
    message = Message.new_signal("/" + "a" * 100_000, "org.example.Any", "Told", "s", ["x" * 100_000])
    message.serial = 1
    data = bytes(message._marshall())
    reader = frames()

    found = read(reader, data[:50_000], data[50_000:] + a_signal("next"))

    assert ([["next"]], 1, 0) == ([each.body for each in found], reader.unreadable, reader.held)


@pytest.mark.parametrize("stream", [b"HTTP/1.1 400 Bad Request", b"\0" * 16, b"l\1\0\1" + b"\0" * 8 + b"\xff" * 4])
def test_what_is_not_dbus_is_told(stream):
    reader = frames()
    reader.feed(stream)

    with pytest.raises(Broken):
        reader.next()


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_are_told(stream):
    reader = frames()

    try:
        read(reader, stream)
    except Broken:
        return

    assert reader.held <= len(stream)
