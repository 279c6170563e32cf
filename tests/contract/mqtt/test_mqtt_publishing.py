"""What is published ends with the broker's acknowledgement, or with the reason why there is none; never pending."""

from __future__ import annotations

import asyncio
import json

import pytest

from axion_bus.errors import BusUnavailable
from axion_bus.formats.events import CONTENT_TYPE
from tests.chaos.wire import Kind, publish, publish_of
from tests.contract.mqtt.station import Station, settings, until
from tests.servers import Mosquitto, TcpProxy
from tests.servers.scripted_broker import ScriptedBroker, mid_of_publish, puback

EVENT = {
    "specversion": "1.0",
    "id": "0190-1",
    "source": "/axion-bus/one",
    "type": "org.axion.bus.incident.created.v1",
    "datacontenttype": "application/json",
    "subject": "0190-2",
    "severitynumber": 17,
    "sequence": "1",
    "data": {"incident": {}},
}
NOT_AUTHORIZED = 0x87
RECEIVE_MAXIMUM_2 = b"\x21\x00\x02"
RECEIVE_MAXIMUM_1 = b"\x21\x00\x01"
MAXIMUM_PACKET_200 = b"\x27\x00\x00\x00\xc8"


def _is_test(packet):
    return packet.kind == Kind.PUBLISH and b"/summary" in packet.body


async def _ends(futures):
    """How each of ``futures`` ended: None or the error's text; those that are pending after a while are an error."""
    _, pending = await asyncio.wait(futures, timeout=10)
    assert not pending
    return [future.exception() and str(future.exception()) for future in futures]


async def test_what_is_published_is_heard(station, party):
    topic = f"{station.mqtt.base_topic}/summary"
    await party.hear(topic)
    await station.bus.publish(topic, b'{"open": 1}')
    await party.heard_last(topic, b'{"open": 1}')

    assert (1, False) == (party.heard[-1].qos, party.heard[-1].retain)


async def test_what_is_published_retained_is_there_for_who_comes_later(station, party):
    topic = f"{station.mqtt.base_topic}/incidents/0190/state"
    await station.bus.publish(topic, b"state", retain=True)
    await party.hear(topic)
    await party.heard_last(topic, b"state")

    assert party.heard[-1].retain


async def test_an_empty_retained_message_takes_the_state_away(station, party):
    topic = f"{station.mqtt.base_topic}/incidents/0190/state"
    await station.bus.publish(topic, b"state", retain=True)
    await station.bus.publish(topic, b"", retain=True)
    await station.bus.publish(f"{station.mqtt.base_topic}/summary", b"{}", retain=True)
    await party.hear(topic, f"{station.mqtt.base_topic}/summary")
    await party.heard_last(f"{station.mqtt.base_topic}/summary", b"{}")

    assert [] == party.on(topic)


async def test_publications_arrive_in_the_order_given(station, party):
    topic, bodies = f"{station.mqtt.base_topic}/summary", [b"%d" % number for number in range(3000)]
    await party.hear(topic)
    ends = await _ends([station.bus.publish(topic, body) for body in bodies])
    await party.heard_last(topic, bodies[-1])

    assert ([None] * 3000, bodies) == (ends, party.on(topic))


async def test_an_event_has_its_attributes_and_its_origin_beside_it(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.hear(f"{base_topic}/events/#")
        await station.bus.publish(f"{base_topic}/events/incident/created", json.dumps(EVENT).encode(), is_event=True)
        await until(lambda: party.heard, "the event")

    (heard,) = party.heard
    expected = [(name, str(value)) for name, value in EVENT.items() if name not in ("data", "datacontenttype")]
    assert (CONTENT_TYPE, [*expected, ("axion_origin", "one")]) == (heard.properties.ContentType, heard.properties.UserProperty)
    assert EVENT == json.loads(heard.payload)


async def test_on_mqtt_311_an_event_is_complete_without_properties(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic, protocol=4)) as station:
        await station.connected()
        await party.hear(f"{base_topic}/events/#")
        await station.bus.publish(f"{base_topic}/events/incident/created", json.dumps(EVENT).encode(), is_event=True)
        await until(lambda: party.heard, "the event")

    (heard,) = party.heard
    assert (EVENT, True) == (json.loads(heard.payload), heard.properties.isEmpty())


async def test_an_answer_carries_its_correlation_and_what_is_no_event_its_origin_only(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic)) as station:
        await station.connected()
        await party.hear(f"{base_topic}/response/#")
        await station.bus.publish(f"{base_topic}/response/close-incident", b"{}", correlation=bytes(range(256)))
        await until(lambda: party.heard, "the answer")

    (heard,) = party.heard
    expected = {"CorrelationData": bytes(range(256)).hex(), "UserProperty": [("axion_origin", "one")]}
    assert expected == heard.properties.json()


async def test_publishing_while_not_connected_is_refused_with_the_reason(base_topic):
    async with Station(settings("mqtt://127.0.0.1:9", base_topic)) as station:
        await station.in_trouble("refused")
        with pytest.raises(BusUnavailable, match=r"cannot connect to mqtt://127.0.0.1:9: Connection refused"):
            await station.bus.publish(f"{station.mqtt.base_topic}/summary", b"{}")


async def test_a_stopped_bus_publishes_nothing(station):
    await station.stop()
    with pytest.raises(BusUnavailable, match="not connected"):
        await station.bus.publish(f"{station.mqtt.base_topic}/summary", b"{}")


async def test_what_was_not_acknowledged_when_the_connection_was_cut_has_failed(broker, base_topic, protocol):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            proxy.freeze()
            futures = [station.bus.publish(f"{base_topic}/summary", b"{}") for _ in range(1500)]
            proxy.refuse()
            ends = await _ends(futures)

    assert 1 == len(set(ends))
    assert ends[0].startswith(f"mqtt://127.0.0.1:{proxy.port}: the connection is gone: ended by the network: ")


async def test_what_was_not_acknowledged_when_the_bus_was_stopped_has_failed(broker, base_topic, protocol):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            proxy.freeze()
            futures = [station.bus.publish(f"{base_topic}/summary", b"x" * 10_000) for _ in range(1500)]
            await station.stop()
            ends = await _ends(futures)

    assert {f"mqtt://127.0.0.1:{proxy.port}: the connection is gone: closed by us"} == set(ends)


async def test_what_is_published_when_the_connection_has_just_ended_has_failed(base_topic):
    now, futures = asyncio.Event(), []

    async def script(visit):
        await visit.accept()
        await visit.grant()
        await now.wait()
        visit.cut()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        ended = station.bus._connection.ended
        ended.add_done_callback(lambda _: futures.append(station.bus.publish(f"{base_topic}/summary", b"{}")))
        now.set()
        await until(lambda: futures, "the end of the connection")
        ends = await _ends(futures)

    assert [f"{scripted.url}: the connection is gone: {ended.result()}"] == ends


async def test_a_broker_gets_no_more_at_once_than_it_takes(base_topic):
    outstanding = []

    async def script(visit):
        await visit.accept(properties=RECEIVE_MAXIMUM_2)
        await visit.grant()
        waiting = [mid_of_publish(await visit.next())]
        for _ in range(41):  # behind it: info, and the forty
            waiting.append(mid_of_publish(await visit.next()))
            await _has_turned(visit, station)
            outstanding.append(len(waiting) + visit.unread)
            visit.send(puback(waiting.pop()))
        visit.send(puback(waiting.pop()))
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        ends = await _ends([station.bus.publish(f"{base_topic}/summary", b"{}") for _ in range(40)])

    assert ([None] * 40, [2] * 41) == (ends, outstanding)


async def _has_turned(visit, station):
    """Wait until the bus has had its turn, and has sent all that it would."""
    before = len(station.received)
    visit.send(publish(station.alert_topic(), b""))
    await until(lambda: len(station.received) > before, "a message")


async def test_what_is_refused_has_failed_with_the_brokers_reason_and_the_rest_has_not(base_topic):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        while True:
            request = await visit.next()
            is_bad = _is_test(request) and publish_of(request, 5).payload == b"bad"
            visit.send(puback(mid_of_publish(request), NOT_AUTHORIZED if is_bad else 0))

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        ends = await _ends([station.bus.publish(f"{base_topic}/summary", body) for body in (b"good", b"bad", b"good")])

    assert [None, f"{scripted.url} refused the message: Not authorized", None] == ends


async def test_a_publication_that_the_acl_forbids_has_failed_and_one_that_nobody_hears_has_not(tmp_path, base_topic):
    acl = f"topic read {base_topic}/alerts/#\ntopic write {base_topic}/summary\n"
    with Mosquitto(tmp_path, acl=acl) as broker:
        async with Station(settings(broker.url, base_topic)) as station:
            await station.connected()
            ends = await _ends([station.bus.publish(f"{base_topic}/{name}", b"{}") for name in ("summary", "events/x/y")])

    assert [None, f"{broker.url} refused the message: Not authorized"] == ends


async def test_what_was_cancelled_while_it_waited_is_not_sent_and_what_was_sent_keeps_its_place(base_topic):
    async def script(visit):
        await visit.accept(properties=RECEIVE_MAXIMUM_1)
        await visit.grant()
        for _ in range(2):  # online and info
            visit.answer(await visit.next())
        first = await visit.next()
        await cancelled.wait()
        visit.answer(first)
        await visit.serve()

    cancelled = asyncio.Event()
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        futures = [station.bus.publish(f"{base_topic}/summary", b"%d" % number) for number in range(4)]
        await until(lambda: any(map(_is_test, scripted.visits[0].seen)), "the first")
        for number in (0, 1):
            futures[number].cancel()
        cancelled.set()
        ends = await _ends(futures[2:])
        sent = [publish_of(packet, 5).payload for packet in scripted.visits[0].seen if _is_test(packet)]

    assert ([None, None], [b"0", b"2", b"3"]) == (ends, sent)


async def test_what_is_larger_than_the_broker_takes_has_failed_and_is_not_sent(base_topic):
    async def script(visit):
        await visit.accept(properties=MAXIMUM_PACKET_200)
        await visit.serve()

    topic = f"{base_topic}/summary"
    around = len(b"typtoidp") + len(topic) + len("\x26\x00\x0caxion_origin\x00\x03one")
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        large, fits = (station.bus.publish(topic, b"x" * (200 - around + more)) for more in (1, 0))
        ends = await _ends([large, fits])

    assert [f"the message on {topic} cannot be sent: 201 bytes are more than the 200 that {scripted.url} takes", None] == ends
    assert 1 == station.bus.connection


@pytest.mark.parametrize("topic", ["with/+", "with/#", "x" * 65_536])
async def test_what_cannot_be_written_has_failed_and_nothing_else_has(station, topic):
    ends = await _ends([station.bus.publish(each, b"{}") for each in (topic, f"{station.mqtt.base_topic}/summary")])

    assert ends[0].startswith(f"the message on {topic} cannot be sent: ")
    assert (None, 1) == (ends[1], station.bus.connection)


async def test_an_answer_to_a_publication_that_was_never_made_is_of_no_consequence(base_topic):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(puback(4711), puback(1, NOT_AUTHORIZED))
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        await station.settled()

    assert 1 == station.bus.connection
