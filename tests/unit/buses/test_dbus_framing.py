"""Messages out of a stream of bytes: what is kept of them."""

from __future__ import annotations

from dbus_next.message import Message
from dbus_next.signature import SignatureTree

from axion_bus.buses.dbus.framing import MAX_SIGNATURES, Frames


def odd_signature(number):
    """One of its own for each number below 2**16, of 16 arguments."""
    return "".join(f"a{{s{'iu'[number >> bit & 1]}}}" for bit in range(16))


def test_signatures_that_somebody_makes_up_do_not_fill_the_memory():
    frames = Frames(lambda _kind: 1024)
    signatures = [odd_signature(number) for number in range(MAX_SIGNATURES)]

    for number, signature in enumerate(signatures, 1):
        message = Message.new_signal("/", "org.example.Boiler", "Odd", signature, [{}] * 16)
        message.serial = number
        frames.feed(message._marshall())
        assert signature == frames.next().signature

    assert len(SignatureTree._cache) <= MAX_SIGNATURES
