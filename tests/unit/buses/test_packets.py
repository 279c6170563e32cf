"""PUBLISH packets are read and written as paho, another reading of the standard, does; bounded, and whatever is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.buses.packets import (
    MAX_PROPERTIES,
    MAX_PROPERTY_BYTES,
    Arrived,
    publish_properties,
    read_publish,
    written_publish,
)
from axion_bus.ports import Attributes

# what paho takes too: it refuses U+FEFF, wrongly
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=50)
TOPICS = TEXTS.filter(lambda text: text and not set(text) & set("+#"))


@st.composite
def paho_properties(draw):
    """Properties as paho has them, fewer and shorter than we would cut."""
    properties = Properties(PacketTypes.PUBLISH)
    choices = {
        "PayloadFormatIndicator": st.integers(0, 1),
        "MessageExpiryInterval": st.integers(0, 0xFFFF_FFFF),
        "ContentType": TEXTS,
        "ResponseTopic": TEXTS,
        "CorrelationData": st.binary(max_size=100),
        "SubscriptionIdentifier": st.integers(1, 268_435_455),
        "TopicAlias": st.integers(1, 65_535),
        "UserProperty": st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=9),
    }
    for name in draw(st.sets(st.sampled_from(sorted(choices)))):
        setattr(properties, name, draw(choices[name]))
    return properties


def _told(properties):
    told = properties.json()
    if not told.keys() & {"ContentType", "ResponseTopic", "CorrelationData", "MessageExpiryInterval", "UserProperty"}:
        return None
    return Attributes(
        content_type=told.get("ContentType"),
        properties=tuple(told.get("UserProperty", ())),
        response_topic=told.get("ResponseTopic"),
        correlation=getattr(properties, "CorrelationData", None),
        expires_s=told.get("MessageExpiryInterval"),
    )


def _head(topic, qos, mid):
    return len(topic).to_bytes(2) + topic + (mid.to_bytes(2) if qos else b"")


@given(
    topic=st.binary(max_size=99),
    body=st.binary(),
    mid=st.integers(1, 65_535),
    qos=st.integers(0, 2),
    flags=st.sampled_from([0, 1, 8, 9]),
    properties=paho_properties(),
)
def test_a_packet_of_mqtt_5_is_read_as_it_was_written(*, topic, body, mid, qos, flags, properties):
    read = read_publish(flags | qos << 1, _head(topic, qos, mid) + properties.pack() + body, is_five=True)

    expected = (topic, body, mid if qos else 0, qos, bool(flags & 1), bool(flags & 8), _told(properties))
    assert expected == (read.topic, read.body, read.mid, read.qos, read.is_retained, read.is_duplicate, read.attributes)


@given(topic=st.binary(max_size=99), body=st.binary(), mid=st.integers(1, 65_535), qos=st.integers(0, 2))
def test_a_packet_of_mqtt_311_is_read_as_it_was_written(topic, body, mid, qos):
    read = read_publish(qos << 1, _head(topic, qos, mid) + body, is_five=False)

    assert (topic, body, mid if qos else 0, None) == (read.topic, read.body, read.mid, read.attributes)


@given(packet=st.binary(max_size=300), flags=st.integers(0, 15), is_five=st.booleans())
def test_any_bytes_are_a_packet_or_a_value_error(packet, flags, is_five):
    try:
        read = read_publish(flags, packet, is_five=is_five)
    except ValueError:
        return

    assert packet.endswith(read.body)
    assert packet[2:].startswith(read.topic)


@pytest.mark.parametrize("properties", [b"", b"\x05\x03\x00", b"\x80", b"\xff\xff\xff\xff\x7f"])
def test_a_packet_whose_properties_have_no_true_length_is_a_value_error(properties):
    with pytest.raises(ValueError, match=r"too early|longer than"):
        read_publish(0, b"\x00\x01t" + properties, is_five=True)


def test_no_more_than_the_first_properties_are_read():
    pairs = [(f"n{number}", "") for number in range(MAX_PROPERTIES + 9)]
    packet = b"\x00\x01t" + publish_properties(user=pairs) + b"body"
    read = read_publish(0, packet, is_five=True)

    assert (tuple(pairs[:MAX_PROPERTIES]), b"body") == (read.attributes.properties, read.body)


def test_no_more_than_so_many_bytes_of_properties_are_kept():
    pairs = [("n", "x" * (MAX_PROPERTY_BYTES // 4 - 1)) for _ in range(9)]
    read = read_publish(0, b"\x00\x01t" + publish_properties(user=pairs), is_five=True)

    assert pairs[:4] == list(read.attributes.properties)


@given(
    topic=TOPICS,
    body=st.binary(),
    mid=st.integers(1, 65_535),
    retain=st.booleans(),
    content_type=st.none() | TEXTS,
    correlation=st.none() | st.binary(min_size=1, max_size=100),
    user=st.lists(st.tuples(TEXTS, TEXTS), max_size=9),
)
def test_what_is_written_is_read_by_paho(*, topic, body, mid, retain, content_type, correlation, user):
    properties = publish_properties(content_type=content_type, correlation=correlation, user=user)
    packets = Arrived()
    packets.add(written_publish(topic, body, mid=mid, retain=retain, properties=properties))
    header, rest = packets.packet()
    read = decode_publish(header, rest, MQTTProtocolVersion.MQTTv5)

    told = {"ContentType": content_type, "CorrelationData": correlation and correlation.hex(), "UserProperty": user or None}
    assert {name: value for name, value in told.items() if value is not None} == read.properties.json()
    assert (topic.encode(), body, mid, 1) == (read.topic, bytes(read.payload), read.mid, read.qos)
    assert (retain, False) == (read.retain, read.dup)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_a_packet_of_any_size_has_its_length_in_front(size):
    around = len(written_publish("t", b"", mid=1, retain=False, properties=b"")) - 2
    body = bytes(max(size - around, 0))
    packets = Arrived()
    packets.add(written_publish("t", body, mid=1, retain=False, properties=b""))
    _, rest = packets.packet()

    assert max(size, around) == len(rest)
    assert packets.packet() is None


@pytest.mark.parametrize("topic", ["", "a/+", "#", "nul\0", "x" * 65_536, "\ud800"])
def test_a_topic_that_is_none_is_not_written(topic):
    with pytest.raises(ValueError, match=r"\w"):
        written_publish(topic, b"", mid=1, retain=False, properties=b"")


def test_a_property_that_is_too_long_is_not_written():
    with pytest.raises(ValueError, match="a property of 65536 bytes is too long for MQTT"):
        publish_properties(user=[("name", "x" * 65_536)])


@given(bodies=st.lists(st.binary(max_size=300), max_size=9), cuts=st.lists(st.integers(1, 50)))
def test_packets_are_cut_out_of_the_stream_however_it_comes(bodies, cuts):
    stream = b"".join(written_publish("t", body, mid=1, retain=False, properties=b"") for body in bodies)
    packets, found = Arrived(), []
    for size in [*cuts, len(stream)]:
        packets.add(stream[:size])
        stream = stream[size:]
        while (packet := packets.packet()) is not None:
            found.append(read_publish(*packet, is_five=False).body)

    assert bodies == found


def test_a_length_that_does_not_end_is_no_packet():
    packets = Arrived()
    packets.add(b"\x30\xff\xff\xff\xff")

    with pytest.raises(ValueError, match="longer than four bytes"):
        packets.packet()
