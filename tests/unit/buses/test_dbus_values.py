"""D-Bus values become JSON values and the other way round, whatever they are."""

from __future__ import annotations

import json

import pytest
from dbus_next.message import Message
from dbus_next.signature import Variant
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.buses.dbus import values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Variant("v", Variant("s", "deep")), "deep"),
        ({"a": Variant("u", 7), "b": [Variant("b", True)]}, {"a": 7, "b": [True]}),
        ([1, ["struct", 2.5]], [1, ["struct", 2.5]]),
        ({True: "yes", False: "no"}, {"true": "yes", "false": "no"}),
        ({7: "seven"}, {"7": "seven"}),
        (b"/dev/sda\0", "/dev/sda"),
        (b"\xff\x00a", "\\xff\x00a"),
        (float("nan"), None),
        ([float("inf")], [None]),
        ({}, {}),
    ],
)
def test_a_dbus_value_becomes_a_json_value(value, expected):
    found = values.plain(value)

    assert expected == found
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Variant("b", True)),
        (3, Variant("x", 3)),
        (2**63, Variant("s", str(2**63))),
        (2.5, Variant("d", 2.5)),
        ("a\0b", Variant("s", "a\ufffdb")),
        ("\ud800", Variant("s", "?")),
        (["a", "b"], Variant("as", ["a", "b"])),
        ([], Variant("as", [])),
        (["a", 1, None], Variant("av", [Variant("s", "a"), Variant("x", 1), Variant("s", "")])),
        ({"a": None, "b": {"c": 1}}, Variant("a{sv}", {"b": Variant("a{sv}", {"c": Variant("x", 1)})})),
    ],
)
def test_a_json_value_becomes_a_variant(value, expected):
    assert expected == values.variant(value)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_json_object_can_be_sent(data):
    message = Message.new_signal("/org/example", "org.example.Any", "Told", "a{sv}", [values.variants(data)])

    assert message._marshall()


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_sent_comes_back_but_for_what_dbus_does_not_have(data):
    back = values.plain(values.variants(data))

    assert {key for key, value in data.items() if value is not None} >= {key for key in back if key in data}
    assert values.plain(values.variants(back)) == back


def test_a_value_that_json_does_not_have_is_a_mistake():
    with pytest.raises(TypeError, match="set is no JSON value"):
        values.variant({1})


def test_a_signal_is_a_document():
    signal = Message.new_signal("/org/example/Boiler", "org.example.Boiler", "Hot", "sv", ["upper", Variant("d", 95.5)])

    assert {
        "sender": "org.example.Boiler",
        "path": "/org/example/Boiler",
        "interface": "org.example.Boiler",
        "member": "Hot",
        "args": ["upper", 95.5],
    } == values.document(signal, "org.example.Boiler")
