"""G2: nothing is acknowledged before it is accepted, and an acknowledgement of an older connection is dropped."""

from __future__ import annotations

from tests.chaos.wire import Kind, mid_of, publish
from tests.contract.mqtt.station import Party, Station, settings
from tests.servers import TcpProxy
from tests.servers.scripted_broker import ScriptedBroker


def _numbers(count):
    return [b"%d" % number for number in range(count)]


def _acknowledged(visit):
    return [mid_of(packet) for packet in visit.seen if packet.kind == Kind.PUBACK]


async def test_what_is_unacknowledged_comes_again_after_a_lost_connection_and_the_rest_does_not(
    broker, base_topic, protocol, party
):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            await party.publish(station.alert_topic(), *_numbers(5))
            first = list(await station.got(5))
            for number in (2, 0):
                first[number].ack([])
            await station.settled()  # behind the acknowledgements
            proxy.cut()
            await station.connected(2)
            again = (await station.got(8))[5:]

    assert [(b"1", True), (b"3", True), (b"4", True)] == [(each.body, each.duplicate) for each in again]


async def test_what_came_again_is_settled_by_the_acknowledgement_of_the_new_connection(broker, mqtt, base_topic, protocol, party):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            await party.publish(station.alert_topic(), b"x")
            await station.got(1)
            proxy.cut()
            await station.connected(2)
            (await station.got(2))[1].ack([])
            await station.settled()
    async with Station(mqtt) as later:
        await later.connected()
        await party.publish(later.alert_topic(), b"behind")
        await later.got(1)

    assert [b"behind"] == later.bodies


async def test_an_acknowledgement_of_an_older_connection_does_not_settle_a_message_with_the_same_id(
    own_broker, base_topic, protocol
):
    async with Station(settings(own_broker.url, base_topic, protocol)) as station:
        await station.connected()
        async with Party(own_broker.port) as party:
            await party.publish(station.alert_topic(), b"old")
        (old,) = await station.got(1)
        own_broker.stop()
        own_broker.forget()
        own_broker.start()
        await station.connected(2)
        async with Party(own_broker.port) as party:
            await party.publish(station.alert_topic(), b"new")
        _, new = await station.got(2)
        same = [each.ack.args[1] for each in (old, new)]
        old.ack([])
        await station.settled()
    async with Station(station.mqtt) as later:
        await later.got(1)

    assert ([1, 1], [b"new"]) == (same, later.bodies)


async def test_an_acknowledgement_after_the_end_of_its_connection_does_nothing(station, party):
    await party.publish(station.alert_topic(), b"x")
    (received,) = await station.got(1)
    await station.stop()
    received.ack([])
    async with Station(station.mqtt) as later:
        await later.got(1)

    assert [b"x"] == later.bodies


async def test_nothing_is_acknowledged_by_itself_and_acknowledgements_go_out_in_the_order_given(base_topic, protocol):
    before = []

    async def script(visit):
        await visit.accept()
        await visit.grant()
        properties = b"" if protocol == 5 else None
        visit.send(*(publish(f"{base_topic}/alerts/web", b"", mid=mid, properties=properties) for mid in (7, 8, 9, 65535)))
        while True:
            request = await visit.next()
            visit.answer(request)
            if request.kind == Kind.PUBLISH and b"summary" in request.body:
                before.append(_acknowledged(visit))

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await station.connected()
        await station.got(4)
        await station.settled()
        for number in (3, 0, 2, 1):
            station.received[number].ack([])
        await station.settled()

    assert [[], [65535, 7, 9, 8]] == before


async def test_what_was_acknowledged_just_before_a_stop_does_not_come_again_although_more_was_on_the_way(mqtt, party):
    def deliver(received):
        station.received.append(received)
        if len(station.received) == 20:
            station.bus.pause()

    async with Station(mqtt, high_water=1000, deliver=deliver) as station:
        station.bus.says_farewell = False  # whose acknowledgement would be waited for
        await station.connected()
        await party.publish(station.alert_topic(), *(body + b" " * 10_000 for body in _numbers(600)))
        for received in await station.got(20):
            received.ack([])
    async with Station(mqtt) as later:
        await later.got(580)

    assert _numbers(600) == [body.strip() for body in station.bodies + later.bodies]


async def test_what_is_published_meanwhile_waits_for_the_session(mqtt, party):
    async with Station(mqtt) as station:
        await station.connected()
    await party.publish(station.alert_topic(), *_numbers(100))
    async with Station(mqtt) as later:
        await later.got(100)
        await later.connected()

    assert (_numbers(100), [True]) == (later.bodies, later.losses.sessions)


async def test_what_is_unacknowledged_comes_again_after_an_orderly_restart_of_the_broker(own_broker, base_topic, protocol):
    async with Station(settings(own_broker.url, base_topic, protocol)) as station:
        await station.connected()
        async with Party(own_broker.port) as party:
            await party.publish(station.alert_topic(), *_numbers(4))
        await station.got(4)
        station.received[1].ack([])
        await station.settled()
        own_broker.restart()
        await station.connected(2)
        again = (await station.got(7))[4:]

    assert [b"0", b"2", b"3"] == [each.body for each in again]
