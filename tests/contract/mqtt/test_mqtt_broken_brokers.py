"""What a broker should never do costs the connection at most, never the bus, and is told."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.buses.patience import Patience
from axion_bus.ports import Attributes
from tests.chaos.wire import Kind, packet, publish, text
from tests.contract.mqtt.station import Station, settings, until
from tests.servers.scripted_broker import ScriptedBroker, connack

GARBAGE = bytes(range(255, 0, -1))
NOT_AUTHORIZED = 0x87
SESSION_TAKEN_OVER = 0x8E
UNSUPPORTED_VERSION = 0x84


async def _serve(visit):
    await visit.accept()
    await visit.serve()


def _after_the_subscription(*data):
    """A script that sends ``data``, serves, and closes only when the client has."""

    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(*data)
        await visit.serve()

    return script


async def test_a_topic_that_is_not_utf_8_is_delivered_as_such_and_blocks_nothing(base_topic, protocol):
    properties = b"" if protocol == 5 else None
    bad = f"{base_topic}/alerts/".encode() + b"caf\xe9"
    script = _after_the_subscription(
        publish(bad, b"bad", mid=1, properties=properties), publish(f"{base_topic}/alerts/web", b"good", properties=properties)
    )
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        first, second = await station.got(2)
        first.ack([])
        await station.connected()
        await station.settled()
        acknowledged = [each.body for each in scripted.visits[0].seen if each.kind == Kind.PUBACK]

    assert (f"{base_topic}/alerts/caf\\xe9", True, b"bad") == (first.address, first.bad_address, first.body)
    assert (False, b"good", [b"\x00\x01"]) == (second.bad_address, second.body, acknowledged)


CONTENT_TYPE = b"\x03" + text("t")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (b"\x7f", None),  # an unknown property
        (b"\x03", None),  # nothing behind it
        (b"\x03\xff\xff", None),  # a text longer than all properties
        (b"\x26" + text("name"), None),  # a pair without its second half
        (b"\x0b\xff\xff\xff\xff\xff", None),  # an endless integer
        (b"\x02\x00", None),  # a number cut short
        (CONTENT_TYPE + b"\x7f", Attributes(content_type="t")),
        (b"\x03" + text(b"caf\xe9\x00"), Attributes(content_type="caf\\xe9\x00")),
        (CONTENT_TYPE + b"\x03" + text("u"), Attributes(content_type="u")),  # told twice
    ],
)
async def test_properties_that_cannot_be_read_are_left_out(base_topic, properties, expected):
    topic = f"{base_topic}/alerts/web"
    script = _after_the_subscription(publish(topic, b"bad", properties=properties), publish(topic, b"good"))
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        first, second = await station.got(2)

    assert (b"bad", expected, b"good", 1) == (first.body, first.attributes, second.body, len(scripted.visits))


@pytest.mark.parametrize(
    "data",
    [
        packet(Kind.PUBLISH, b""),
        packet(Kind.PUBLISH, b"\x00\xffshort"),
        packet(Kind.PUBLISH, text("topic") + b"\x01", flags=2),
        packet(Kind.PUBLISH, text("topic") + b"\xff\xff\xff\xff\xff"),
        packet(Kind.PUBLISH, text("topic") + b"\x09\x00"),
        b"\x30\xff\xff\xff\xff\xff",
        GARBAGE,
        b"\x00\x00",
        b"\xf0\x00",
        packet(Kind.PUBACK, b"\x00\x01\x05"),
        packet(Kind.SUBACK, b""),
        packet(Kind.PINGRESP, b"more"),
        packet(Kind.CONNACK, b""),
    ],
    ids=lambda data: data[:12].hex(),
)
async def test_what_is_no_mqtt_ends_the_connection_and_the_next_one_works(base_topic, data):
    async with (
        ScriptedBroker(_after_the_subscription(data), _serve) as scripted,
        Station(settings(scripted.url, base_topic)) as station,
    ):
        await station.connected(2)
        await station.settled()

    assert (2, []) == (len(scripted.visits), station.received)


async def test_nothing_is_asked_of_a_connection_that_stumbled(base_topic):
    now, ends = asyncio.Event(), []

    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(publish(f"{base_topic}/alerts/web", b"x", mid=1))
        await now.wait()
        visit.send(packet(Kind.PUBACK, b"\x00\x01\x05"))  # a reason that there is not, of which paho makes an exception
        await visit.serve()

    async with ScriptedBroker(script, _serve) as scripted, Station(settings(scripted.url, base_topic)) as station:
        (received,) = await station.got(1)
        await station.connected()
        connection = station.bus._connection
        connection.ended.add_done_callback(lambda _: ends.append(_use(station, received)))
        now.set()
        await station.connected(2)
        await until(lambda: scripted.visits[0].is_closed, "the end of the first connection")

    assert ([None], True) == (ends, connection.ended.result().startswith("KeyError"))


def _use(station, received):
    """All that may be called in the moment between the end of a connection and the bus's taking note of it."""
    received.ack([])
    station.bus.pause()
    station.bus.resume()
    station.bus._connection.tick()
    station.bus.publish("some/where", b"")


async def test_half_a_packet_and_the_end_is_no_message(base_topic):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        whole = publish(f"{base_topic}/alerts/web", b"x" * 100)
        visit.send(whole, whole[:50])

    async with ScriptedBroker(script, _serve) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected(1)
        await until(lambda: len(scripted.visits) > 1, "another connection")

    assert [b"x" * 100] == station.bodies


async def test_a_message_that_comes_byte_by_byte_is_one(base_topic, protocol):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        for byte in publish(f"{base_topic}/alerts/web", b"slow", properties=b"" if protocol == 5 else None):
            visit.send(bytes([byte]))
            await visit.written()
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await station.got(1)

    assert [b"slow"] == station.bodies


async def test_the_reason_for_which_a_broker_ends_the_connection_is_told(base_topic):
    script = _after_the_subscription(packet(Kind.DISCONNECT, bytes([SESSION_TAKEN_OVER])))
    patience = Patience(retry_first_s=30)
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic), patience=patience) as station:
        trouble = await station.in_trouble("ended")

    assert f"{scripted.url}: ended by the broker: Session taken over" == trouble


@pytest.mark.parametrize(
    ("protocol", "reason", "told"),
    [
        (5, NOT_AUTHORIZED, "Not authorized; check username and password"),
        (5, UNSUPPORTED_VERSION, "Unsupported protocol version; set protocol = 4 for MQTT 3.1.1"),
        (5, 0x97, "Quota exceeded"),
        (4, 4, "Bad user name or password; check username and password"),
        (4, 3, "Server unavailable"),
    ],
)
async def test_why_a_broker_refuses_the_connection_is_told(base_topic, protocol, reason, told):
    async def script(visit):
        await visit.wait_for(Kind.CONNECT)
        visit.send(connack(reason=reason, protocol=protocol))

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        trouble = await station.in_trouble("refused")

    assert f"{scripted.url} refused the connection: {told}" == trouble


async def test_a_broker_that_knows_only_mqtt_311_is_told_as_one(base_topic):
    async def script(visit):
        await visit.wait_for(Kind.CONNECT)
        visit.send(packet(Kind.CONNACK, b"\x00\x01"))  # as 3.1.1 says it: unacceptable protocol version

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        trouble = await station.in_trouble("refused")

    assert f"{scripted.url} refused the connection: Unsupported protocol version; set protocol = 4 for MQTT 3.1.1" == trouble


async def test_a_second_acceptance_is_of_no_consequence(base_topic):
    script = _after_the_subscription(connack(session_present=True), publish(f"{base_topic}/alerts/web", b"x"))
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        await station.got(1)
        await station.settled()

    assert ([False], 1) == (station.losses.sessions, station.bus.connection)


async def test_a_connection_that_is_closed_at_once_is_told(base_topic, protocol):
    async def script(visit):
        await visit.wait_for(Kind.CONNECT)

    async with ScriptedBroker(script, _serve) as scripted:
        patience = Patience(retry_first_s=0.2)
        async with Station(settings(scripted.url, base_topic, protocol), patience=patience) as station:
            trouble = await station.in_trouble("gone")
            await station.connected()

    assert f"{scripted.url}: the connection is gone: ended by the network: Unspecified error" == trouble


async def test_a_stop_in_the_midst_of_connecting_says_goodbye_to_nobody(base_topic):
    async def deaf(visit):
        await visit.accept()
        while True:
            await visit.next()

    async with ScriptedBroker(deaf) as scripted:
        async with Station(settings(scripted.url, base_topic)):
            await until(lambda: scripted.visits and len(scripted.visits[0].seen) > 1, "SUBSCRIBE")
        kinds = [each.kind for each in scripted.visits[0].seen]

    assert [Kind.CONNECT, Kind.SUBSCRIBE, Kind.DISCONNECT] == kinds
