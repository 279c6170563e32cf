"""G5: what a broker says of messages that it lost is told, by the adapter's part of it."""

from __future__ import annotations

import pytest

from axion_bus.buses.mqtt import DROPPED_TOPIC
from axion_bus.errors import StoreUnavailable
from tests.chaos.wire import Kind, publish
from tests.contract.mqtt.station import Party, Station, Told, settings, until
from tests.servers import Mosquitto
from tests.servers.scripted_broker import ScriptedBroker, filters_of

FOR_EVER = b"\x11\xff\xff\xff\xff"  # MQTT 5 3.1.2.11.2: Session Expiry Interval
CLEAN = 2  # the bit of Clean Start, or of Clean Session (3.1.2.4)


async def test_a_new_session_and_one_that_was_kept_are_told_apart(mqtt):
    async with Station(mqtt) as first:
        await first.connected()
    async with Station(mqtt) as second:
        await second.connected()

    assert ([False], [True]) == (first.losses.sessions, second.losses.sessions)


async def test_a_session_that_the_broker_lost_is_told(own_broker, base_topic, protocol):
    async with Station(settings(own_broker.url, base_topic, protocol)) as station:
        await station.connected()
        own_broker.restart()
        await station.connected(2)
        own_broker.stop()
        own_broker.forget()
        own_broker.start()
        await station.connected(3)

    assert [False, True, False] == station.losses.sessions


async def test_a_lost_session_is_told_although_the_connection_that_found_it_lost_was_cut(base_topic, protocol):
    async def cut_after_connack(visit):
        await visit.accept(session_present=False)

    async def cut_after_subscribe(visit):
        await visit.accept(session_present=True)
        await visit.wait_for(Kind.SUBSCRIBE)

    async def kept(visit):
        await visit.accept(session_present=True)
        await visit.serve()

    async with (
        ScriptedBroker(cut_after_connack, cut_after_subscribe, kept) as scripted,
        Station(settings(scripted.url, base_topic, protocol)) as station,
    ):
        await station.connected()
        scripted.visits[-1].cut()
        await station.connected(2)

    assert [False, True] == station.losses.sessions


class FailingOnce(Told):
    """The database is away the first time."""

    async def connecting(self):
        await super().connecting()
        if self.asked == 1:
            raise StoreUnavailable("no database")


async def test_a_broker_is_not_asked_for_the_session_before_that_is_on_record(base_topic, protocol):
    connects = []

    async def script(visit):
        connects.append(await visit.accept())
        await visit.grant()
        await visit.serve()

    losses = FailingOnce()
    async with (
        ScriptedBroker(script) as scripted,
        Station(settings(scripted.url, base_topic, protocol), losses=losses) as station,
    ):
        trouble = await station.in_trouble("while the database is away: no database")
        asked_then = len(connects)
        await station.connected()

    assert (0, 1, 2) == (asked_then, len(connects), losses.asked), trouble


async def test_that_a_broker_refused_us_is_told(base_topic, protocol):
    async def refuse(visit):
        await visit.refuse()

    async def kept(visit):
        await visit.accept(session_present=True)
        await visit.grant()
        await visit.serve()

    async with ScriptedBroker(refuse, kept) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await station.connected()

    assert (2, 1, [True]) == (station.losses.asked, station.losses.turned_away, station.losses.sessions)


async def test_every_connection_asks_for_a_session_that_is_kept_for_ever(base_topic, protocol):
    connects = []

    async def script(visit):
        connects.append(await visit.accept())
        await visit.grant()
        if len(connects) > 1:
            await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await station.connected(2)

    flags_and_expiry = [(connect.body[7] & CLEAN, FOR_EVER in connect.body) for connect in connects]
    assert [(0, protocol == 5)] * 2 == flags_and_expiry


async def test_every_connection_subscribes_although_the_session_is_there(base_topic, protocol):
    subscribed = []

    async def script(visit):
        await visit.accept(session_present=True)
        subscribed.append(filters_of(await visit.grant(), protocol))
        if len(subscribed) > 1:
            await visit.serve()

    sources = [{"topic": f"{base_topic}/alerts/#"}, {"topic": "$share/group/sensors/#"}]
    async with (
        ScriptedBroker(script) as scripted,
        Station(settings(scripted.url, base_topic, protocol, sources=sources)) as station,
    ):
        await station.connected(2)

    # QoS 1, retained ones with a new subscription only, and where it is not shared No Local (MQTT 5 3.8.3.1)
    options = (0b01_0101, 0b01_0001) if protocol == 5 else (1, 1)
    expected = {f"{base_topic}/alerts/#": options[0], "$share/group/sensors/#": options[1], DROPPED_TOPIC: 0}
    assert [expected] * 2 == subscribed


async def test_how_many_messages_the_broker_dropped_is_told(tmp_path, base_topic, protocol):
    with Mosquitto(tmp_path, sys_interval=1, max_queued_messages=10) as broker:
        async with Party(broker.port, client_id="away", keeps_session=True) as away:
            await away.hear(f"{base_topic}/elsewhere")
        async with Station(settings(broker.url, base_topic, protocol)) as station, Party(broker.port) as party:
            await station.connected()
            await until(lambda: station.losses.dropped, "a first count")
            await party.publish(f"{base_topic}/elsewhere", *[b"x"] * 15)
            await until(lambda: len(station.losses.dropped) > 1, "another count")

    assert [0, 5] == station.losses.dropped


@pytest.mark.parametrize("body", [b"", b"-1", b"many", b"9" * 19, "٣".encode()])
async def test_a_count_that_is_none_is_not_told_and_not_delivered(base_topic, protocol, body):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        properties = b"" if protocol == 5 else None
        visit.send(publish(DROPPED_TOPIC, body, properties=properties), publish(DROPPED_TOPIC, b"3", properties=properties))
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        await until(lambda: station.losses.dropped, "a count")

    assert ([3], []) == (station.losses.dropped, station.received)
