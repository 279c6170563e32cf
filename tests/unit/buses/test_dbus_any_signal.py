"""Whatever a signal carries, it is read as something that can be recorded, and nothing is raised."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.message import Message
from dbus_next.signature import Variant
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.buses.dbus.framing import Frames
from axion_bus.buses.dbus.parsing import parse
from axion_bus.buses.dbus.signals import sources
from axion_bus.config.dbus import Dbus

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
BASIC = {
    "y": st.integers(0, 255),
    "b": st.booleans(),
    "n": st.integers(-(2**15), 2**15 - 1),
    "q": st.integers(0, 2**16 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "u": st.integers(0, 2**32 - 1),
    "x": st.integers(-(2**63), 2**63 - 1),
    "t": st.integers(0, 2**64 - 1),
    "d": st.floats(),
    "s": TEXT,
    "o": st.just("/org/example"),
    "g": st.sampled_from(["", "a{sv}", "(ss)"]),
    "h": st.just(0),
}


@st.composite
def typed(draw, depth=4):
    """A complete type and a value of it."""
    kind = draw(st.sampled_from([*BASIC, "v", "a", "a{", "("])) if depth else draw(st.sampled_from([*BASIC]))
    match kind:
        case "v":
            return "v", Variant(*draw(typed(depth - 1)))
        case "a":
            signature, value = draw(typed(depth - 1))
            values = draw(st.integers(0, 3)) * [value]
            return f"a{signature}", bytes(values) if signature == "y" else values
        case "a{":
            key = draw(st.sampled_from([*BASIC]))
            signature, value = draw(typed(depth - 1))
            return f"a{{{key}{signature}}}", {draw(BASIC[key]): value}
        case "(":
            members = draw(st.lists(typed(depth - 1), min_size=1, max_size=3))
            return f"({''.join(signature for signature, _ in members)})", [value for _, value in members]
        case _:
            return kind, draw(BASIC[kind])


@st.composite
def signals(draw):
    """A signal of ours as it comes from the bus."""
    arguments = draw(st.lists(typed(), max_size=3))
    signature = "".join(signature for signature, _ in arguments)
    message = Message.new_signal("/a", "org.axion.Alert1", "Alert", signature, [value for _, value in arguments])
    message.serial, message.sender = 1, ":1.7"
    return message


@given(signals())
def test_any_signal_is_what_dbus_next_takes_it_for(signal):
    frame = bytes(signal._marshall())
    expected = Unmarshaller(BytesIO(frame)).unmarshall()

    found = parse(frame)

    assert vars(expected).keys() <= vars(found).keys()
    assert {name: repr(value) for name, value in vars(expected).items() if name != "signature_tree"} == {
        name: repr(value) for name, value in vars(found).items() if name not in ("signature_tree", "length")
    }
    assert len(frame) == found.length


@pytest.mark.parametrize(
    "configured",
    [
        {},
        {"mapping": {"title": "args[0]"}},
        {"format": "text"},
        {"preset": "systemd"},
        {"preset": "upower"},
        {"preset": "udisks2"},
        {"preset": "networkmanager"},
        {"preset": "logind"},
        {"preset": "names", "watch": ["org.example.Boiler"]},
    ],
)
@given(signals())
def test_any_signal_is_read(configured, signal):
    interface = {} if "preset" in configured else {"interface": "org.axion.Alert1"}
    [source, *_] = sources(Dbus(sources=[{**interface, **configured}] if configured else []))
    reader = Frames(lambda _kind: 1_000_000)
    reader.feed(bytes(signal._marshall()))
    received = reader.next()

    found = list(source.hear(received, ":1.7"))

    for heard in found:
        assert heard.body.decode("utf-8", "strict") is not None
        assert heard.refusal is None or json.loads(heard.body)["member"] == "Alert"
