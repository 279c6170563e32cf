"""What is published is delivered, untouched and in order, with what the broker tells about it."""

from __future__ import annotations

import pytest

from axion_bus.buses.packets import MAX_PROPERTIES, MAX_PROPERTY_BYTES
from axion_bus.domain.communication import Channel
from axion_bus.ports import Attributes
from tests.contract.mqtt.station import Party, Station, settings, until
from tests.fakes import NOON

EVERY_BYTE = bytes(range(256))
LARGE = EVERY_BYTE * 2048


def _facts(received):
    return {name: getattr(received, name) for name in ("channel", "address", "body", "received_at", "retained", "duplicate")}


async def test_a_message_is_delivered_as_it_was_published(station, party):
    await party.publish(station.alert_topic("web/api"), b'{"title": "slow"}')
    (received,) = await station.got(1)

    expected = {
        "channel": Channel.MQTT,
        "address": f"{station.mqtt.base_topic}/alerts/web/api",
        "body": b'{"title": "slow"}',
        "received_at": NOON,
        "retained": False,
        "duplicate": False,
    }
    assert expected == _facts(received)
    assert (False, None) == (received.bad_address, received.attributes)


async def test_a_message_that_several_sources_match_comes_once(broker, base_topic, protocol, party):
    sources = [
        {"topic": f"{base_topic}/alerts/web/#"},
        {"topic": f"{base_topic}/alerts/#"},
        {"topic": f"{base_topic}/alerts/web/+"},
    ]
    async with Station(settings(broker.url, base_topic, protocol, sources=sources)) as station:
        await station.connected()
        await party.publish(station.alert_topic("web/api"), b"once")
        await party.publish(station.alert_topic("db"), b"last")
        await station.got(2)

    assert [b"once", b"last"] == station.bodies


async def test_a_source_that_another_one_covers_since_the_last_start_is_not_heard_twice(broker, base_topic, protocol, party):
    narrow, wide = ({"topic": f"{base_topic}/alerts/{filter_}"} for filter_ in ("web/#", "#"))
    async with Station(settings(broker.url, base_topic, protocol, sources=[narrow])) as before:
        await before.connected()
    async with Station(settings(broker.url, base_topic, protocol, sources=[narrow, wide])) as station:
        await station.connected()
        await station.settled()
        await party.publish(station.alert_topic("web/api"), b"once")
        await party.publish(station.alert_topic("db"), b"last")
        await station.got(2)

    assert [b"once", b"last"] == station.bodies


@pytest.mark.parametrize("body", [b"", EVERY_BYTE, LARGE], ids=["nothing", "every byte", "half a MiB"])
async def test_any_bytes_are_delivered_untouched(station, party, body):
    await party.publish(station.alert_topic(), body)
    await station.got(1)

    assert [body] == station.bodies


async def test_messages_of_one_publisher_are_delivered_in_their_order(station, party):
    bodies = [str(number).encode() for number in range(1000)]
    await party.publish(station.alert_topic(), *bodies)
    await station.got(1000)

    assert bodies == station.bodies


async def test_the_topic_is_delivered_in_full_unicode(station, party):
    await party.publish(station.alert_topic("zürich/☃"), b"x")
    (received,) = await station.got(1)

    assert (station.alert_topic("zürich/☃"), False) == (received.address, received.bad_address)


async def test_the_acknowledgement_of_a_message_of_qos_0_does_nothing(station, party):
    await party.publish(station.alert_topic(), b"fleeting", qos=0)
    (received,) = await station.got(1)
    received.ack([])
    await station.settled()

    assert (b"fleeting", 1) == (received.body, station.bus.connection)


async def test_a_message_published_at_qos_2_is_delivered_once_and_settled(station, party):
    await party.publish(station.alert_topic(), b"twice at most", qos=2)
    (received,) = await station.got(1)
    received.ack([])
    await party.publish(station.alert_topic(), b"behind")
    await station.got(2)

    assert [b"twice at most", b"behind"] == station.bodies


async def test_what_waits_from_a_subscription_at_qos_2_is_delivered_and_settled(broker, base_topic, party):
    mqtt, bodies = settings(broker.url, base_topic), [b"%d" % number for number in range(50)]
    async with Party(broker.port, client_id=mqtt.client_id, keeps_session=True) as before:
        await before.hear(f"{base_topic}/alerts/#", qos=2)
    await party.publish(f"{base_topic}/alerts/web", *bodies, qos=2)
    async with Station(mqtt, high_water=5) as first:  # the broker waits until one is settled before it sends a sixth
        await first.connected()
        for number in range(50):
            (await first.got(number + 1))[number].ack([])
        await first.settled()
    async with Station(mqtt) as second:
        await second.connected()
        await party.publish(f"{base_topic}/alerts/web", b"behind")
        await second.got(1)

    assert (bodies, [b"behind"]) == (first.bodies, second.bodies)


async def test_a_retained_message_is_delivered_as_such(mqtt, party):
    await party.publish(f"{mqtt.base_topic}/alerts/web", b"old", retain=True)
    async with Station(mqtt) as station:
        (received,) = await station.got(1)

    assert (b"old", True) == (received.body, received.retained)


async def test_a_retained_message_comes_with_the_first_subscription_only(broker, base_topic, party):
    mqtt = settings(broker.url, base_topic, protocol=5)  # 3.1.1 knows no Retain Handling
    await party.publish(f"{base_topic}/alerts/web", b"old", retain=True)
    async with Station(mqtt) as first:
        await first.connected()
        for received in await first.got(1):
            received.ack([])
        await first.settled()
    async with Station(mqtt) as second:
        await second.connected()
        await party.publish(f"{base_topic}/alerts/web", b"new")
        await second.got(1)

    assert ([b"old"], [b"new"]) == (first.bodies, second.bodies)


async def test_content_type_and_user_properties_are_delivered(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(
            station.alert_topic(),
            b"x",
            ContentType="application/json",
            UserProperty=[("a", "1"), ("a", "2"), ("ö", "☃")],
            PayloadFormatIndicator=1,
        )
        (received,) = await station.got(1)

    expected = Attributes(content_type="application/json", properties=(("a", "1"), ("a", "2"), ("ö", "☃")))
    assert expected == received.attributes


async def test_what_a_request_says_of_its_answer_is_delivered(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(
            station.alert_topic(), b"x", ResponseTopic="some/where", CorrelationData=EVERY_BYTE, MessageExpiryInterval=3600
        )
        (received,) = await station.got(1)

    assert Attributes(response_topic="some/where", correlation=EVERY_BYTE, expires_s=3600) == received.attributes


async def test_of_many_user_properties_the_first_are_delivered(broker, base_topic, party):
    pairs = [(f"name{number}", "value") for number in range(MAX_PROPERTIES + 1)]
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"x", UserProperty=pairs)
        (received,) = await station.got(1)

    assert tuple(pairs[:MAX_PROPERTIES]) == received.attributes.properties


async def test_a_property_that_is_too_long_is_left_out(broker, base_topic, party):
    long, short = ("long", "x" * MAX_PROPERTY_BYTES), ("short", "x")
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"x", UserProperty=[long, short], ContentType="y" * (MAX_PROPERTY_BYTES + 1))
        (received,) = await station.got(1)

    assert Attributes(content_type=None, properties=(short,)) == received.attributes


async def test_a_property_that_paho_takes_for_malformed_blocks_nothing(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"marked", UserProperty=("bom", "\ufeff"), ContentType="\ufefftext")
        await party.publish(station.alert_topic(), b"behind")
        marked, behind = await station.got(2)

    assert Attributes(content_type="\ufefftext", properties=(("bom", "\ufeff"),)) == marked.attributes
    assert (b"behind", 1) == (behind.body, station.bus.connection)


async def test_tens_of_thousands_of_properties_do_not_hold_the_loop_up(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"x", UserProperty=[("", "")] * 40_000)
        await until(lambda: station.received, "the message", timeout_s=2)  # which paho takes 5 s to read

    assert [b"x"] == station.bodies


async def test_the_bus_does_not_hear_what_it_publishes_itself(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await station.bus.publish(station.alert_topic(), b"own")
        await party.publish(station.alert_topic(), b"another's")
        await station.got(1)

    assert [b"another's"] == station.bodies


async def test_a_shared_subscription_is_served(broker, base_topic, party):
    sources = [{"topic": f"$share/group/{base_topic}/alerts/#"}]
    async with Station(settings(broker.url, base_topic, sources=sources)) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"shared")
        (received,) = await station.got(1)

    assert (station.alert_topic(), b"shared", None) == (received.address, received.body, station.bus.trouble)


async def test_a_retained_request_is_seen_as_such_and_a_retained_alert_is_not_when_it_is_published_now(broker, base_topic, party):
    mqtt = settings(broker.url, base_topic)
    async with Station(mqtt, request_topics=[f"{base_topic}/request/#"]) as station:
        await station.connected()
        await party.publish(f"{base_topic}/request/close-incident", b"request", retain=True)
        await party.publish(station.alert_topic(), b"alert", retain=True)
        await station.got(2)

    assert {b"request": True, b"alert": False} == {each.body: each.retained for each in station.received}


async def test_a_message_that_cannot_be_delivered_stays_unacknowledged_and_blocks_nothing(mqtt, party):
    delivered = []

    def deliver(received):
        delivered.append(received.body)
        if received.body == b"bad" and not received.duplicate:
            raise RuntimeError("a bug")
        received.ack([])

    async with Station(mqtt, deliver=deliver) as station:
        await station.connected()
        await party.publish(station.alert_topic(), b"bad", b"good")
        await until(lambda: len(delivered) >= 2, "both messages")
        seen = station.bus.connection
    async with Station(mqtt, deliver=deliver):
        await until(lambda: len(delivered) >= 3, "the bad one again")

    assert ([b"bad", b"good", b"bad"], 1) == (delivered, seen)
