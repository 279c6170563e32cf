"""Holding back: a paused bus delivers nothing, loses nothing, stays connected; and reading never takes the loop for long."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.chaos.wire import publish
from tests.contract.mqtt.station import Station, settings, until
from tests.servers import TcpProxy
from tests.servers.scripted_broker import ScriptedBroker


def _numbers(count):
    return [b"%d" % number for number in range(count)]


async def test_a_paused_bus_delivers_nothing_and_a_resumed_one_everything(station, party):
    station.bus.pause()
    await party.publish(station.alert_topic(), *_numbers(500))
    paused = list(station.bodies)
    station.bus.resume()
    await station.got(500)

    assert ([], _numbers(500)) == (paused, station.bodies)


async def test_a_bus_that_is_paused_by_a_message_delivers_none_behind_it(base_topic, protocol):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        properties = b"" if protocol == 5 else None
        visit.send(*(publish(f"{base_topic}/alerts/web", body, properties=properties) for body in _numbers(50)))
        await visit.serve()

    def deliver(received):
        station.received.append(received)
        if len(station.received) == 20:
            station.bus.pause()

    async with (
        ScriptedBroker(script) as scripted,
        Station(settings(scripted.url, base_topic, protocol), deliver=deliver) as station,
    ):
        await station.got(20)
        await until(lambda: scripted.visits[0].unread == 0 and station.bus.is_connected, "its turn")
        paused = list(station.bodies)
        station.bus.resume()
        await station.got(50)

    assert (_numbers(20), _numbers(50)) == (paused, station.bodies)


async def test_pausing_and_resuming_all_the_time_loses_nothing(mqtt, party):
    loop = asyncio.get_running_loop()

    def deliver(received):
        station.received.append(received)
        station.bus.pause()
        loop.call_soon(station.bus.resume)

    async with Station(mqtt, deliver=deliver) as station:
        await station.connected()
        await party.publish(station.alert_topic(), *_numbers(500))
        await station.got(500)

    assert _numbers(500) == station.bodies


async def test_what_was_read_already_is_delivered_after_a_resume(authority, base_topic):
    now = asyncio.Event()

    def deliver(received):
        station.received.append(received)
        if len(station.received) == 1:
            station.bus.pause()

    async def script(visit):
        await visit.accept()
        await visit.grant()
        for _ in range(3):  # online, info and what settles
            visit.answer(await visit.next())
        await now.wait()
        visit.send(*(publish(f"{base_topic}/alerts/web", body) for body in _numbers(300)))  # in one record of TLS
        await visit.serve()

    async with ScriptedBroker(script, tls=authority.server) as scripted:
        mqtt = settings(scripted.url, base_topic, tls={"ca_file": authority.ca_file})
        async with Station(mqtt, deliver=deliver) as station:
            await station.connected()
            await station.settled()
            now.set()
            await station.got(1)
            station.bus.resume()
            await station.got(300)

    assert _numbers(300) == station.bodies


async def test_a_paused_bus_is_not_woken_by_what_it_does_not_read(station):
    station.bus.pause()
    sock = station.bus._connection._sock
    was_watched = asyncio.get_running_loop().remove_reader(sock)
    station.bus.resume()

    assert not was_watched
    assert asyncio.get_running_loop().remove_reader(sock)


async def test_a_bus_that_is_paused_while_it_connects_delivers_nothing_from_its_first_moment(base_topic, protocol):
    paused = asyncio.Event()

    async def script(visit):
        await visit.accept()
        await paused.wait()
        await visit.grant()
        properties = b"" if protocol == 5 else None
        visit.send(publish(f"{base_topic}/alerts/web", b"x", properties=properties))
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await until(lambda: scripted.visits and scripted.visits[0].unread, "SUBSCRIBE")
        station.bus.pause()
        paused.set()
        await until(lambda: len(scripted.visits[0].seen) == 4, "online and info")
        before = list(station.bodies)
        station.bus.resume()
        await station.got(1)

    assert ([], [b"x"]) == (before, station.bodies)


async def test_a_flood_leaves_the_loop_its_turns(base_topic):
    turns, delivered = 0, Counter()

    def turn():
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(turn)

    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(publish(f"{base_topic}/alerts/web", b"") * 5000)
        await visit.serve()

    async with (
        ScriptedBroker(script) as scripted,
        Station(settings(scripted.url, base_topic), deliver=lambda _: delivered.update((turns,))) as station,
    ):
        turn()
        await until(lambda: delivered.total() == 5000, lambda: f"{delivered.total()} of 5000")

    assert max(delivered.values()) <= 2 * 64  # a turn may read twice: because more has come, and because more was left
    assert station.received == []


async def test_the_broker_sends_no_more_than_may_be_unacknowledged(broker, base_topic, party):
    async with Station(settings(broker.url, base_topic), high_water=7) as station:
        await station.connected()
        await party.publish(station.alert_topic(), *_numbers(20))
        await station.settled()
        first = list(station.bodies)
        for number in range(20):
            (await station.got(number + 1))[number].ack([])

    assert (_numbers(7), _numbers(20)) == (first, station.bodies)


async def test_a_paused_bus_that_lost_its_connection_does_not_connect_before_it_is_resumed(broker, base_topic, protocol, party):
    with TcpProxy(broker.port) as proxy:
        url = f"mqtt://127.0.0.1:{proxy.port}"
        async with (
            Station(settings(url, base_topic, protocol)) as station,
            Station(settings(url, f"{base_topic}-other", protocol)) as other,
        ):
            await station.connected()
            station.bus.pause()
            for number in range(1, 4):
                await other.connected(number)
                await party.publish(station.alert_topic(), b"%d" % number)
                proxy.cut()
                station.bus.publish(f"{base_topic}/summary", b"{}")  # writing shows that the other end is gone
            await other.connected(4)
            paused = proxy.connections, station.bus.is_connected, station.bodies
            station.bus.resume()
            await station.connected(2)
            await station.got(3)

    assert ((5, False, []), [b"1", b"2", b"3"]) == (paused, station.bodies)


async def test_what_is_short_is_not_held_back_by_tcp(station, party):
    loop = asyncio.get_running_loop()
    took = []
    for number in range(60):
        started = loop.time()
        party.post(station.alert_topic(), b"%d" % number)
        received = (await station.got(number + 1))[number]
        received.ack([])
        for _ in range(5):
            await asyncio.sleep(0)  # so that the acknowledgement goes out alone, as it does after a commit
        await station.settled()
        took.append(loop.time() - started)

    assert sorted(took[30:])[15] < 0.03  # TCP is quick at first; then each of its two delays would take 40 ms
