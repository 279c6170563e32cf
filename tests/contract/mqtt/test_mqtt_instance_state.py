"""The retained state of the instance: online, offline when the connection breaks or the daemon stops, online again."""

from __future__ import annotations

import json

from axion_bus.buses.patience import Patience
from tests.chaos.wire import Kind, publish_of
from tests.contract.mqtt.station import INFO, Party, Station, settings, until
from tests.servers import TcpProxy
from tests.servers.scripted_broker import ScriptedBroker


async def test_a_connected_instance_is_online_and_tells_about_itself(station, party):
    await party.hear(f"{station.mqtt.base_topic}/instances/#")
    await party.heard_last(station.state_topic, b"online")
    info_topic = station.state_topic.replace("state", "info")
    await party.heard_last(info_topic, json.dumps(INFO, separators=(",", ":")).encode())

    assert [True, True] == [message.retain for message in party.heard]


async def test_a_cut_shows_it_offline_and_the_next_connection_online_again(broker, base_topic, protocol, party):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            await party.hear(station.state_topic)
            await party.heard_last(station.state_topic, b"online")
            proxy.refuse()
            await party.heard_last(station.state_topic, b"offline")
            async with Party(broker.port) as late:
                await late.hear(station.state_topic)
                await late.heard_last(station.state_topic, b"offline")
            proxy.accept()
            await party.heard_last(station.state_topic, b"online")
            await station.connected(2)

    assert [b"online", b"offline", b"online"] == party.on(station.state_topic)[:3]


async def test_a_stop_shows_it_offline_once(mqtt, party):
    async with Station(mqtt) as station:
        await party.hear(station.state_topic)
        await station.connected()
    await party.publish(station.state_topic, b"behind")
    await party.heard_last(station.state_topic, b"behind")

    assert [b"online", b"offline", b"behind"] == party.on(station.state_topic)


async def test_a_reload_leaves_it_online(mqtt, party):
    async with Station(mqtt) as station:
        await party.hear(station.state_topic)
        await station.connected()
        await station.settled()
        station.bus.says_farewell = False
    async with Station(mqtt) as next_one:
        await next_one.connected()
        await next_one.settled()
        await party.publish(station.state_topic, b"behind")
        await party.heard_last(station.state_topic, b"behind")
        shown = party.on(station.state_topic)

    assert [b"online", b"online", b"behind"] == shown


async def test_a_stop_ends_with_offline_and_disconnect(base_topic, protocol):
    async def script(visit):
        await visit.accept()
        await visit.serve()

    async with ScriptedBroker(script) as scripted:
        async with Station(settings(scripted.url, base_topic, protocol)) as station:
            await station.connected()
        last, end = scripted.visits[0].seen[-2:]

    said = publish_of(last, protocol)
    assert (station.state_topic.encode(), b"offline", 0b0011) == (said.topic, said.payload, last.flags)  # QoS 1, retained
    assert (Kind.DISCONNECT, b"") == (end.kind, end.body)


async def test_it_is_online_only_after_the_subscriptions_are_answered(base_topic, protocol):
    async def script(visit):
        await visit.accept()
        await visit.serve()

    async with ScriptedBroker(script) as scripted:
        async with Station(settings(scripted.url, base_topic, protocol)) as station:
            await station.connected()
        kinds = [packet.kind for packet in scripted.visits[0].seen]

    assert [Kind.CONNECT, Kind.SUBSCRIBE, Kind.PUBLISH, Kind.PUBLISH, Kind.PUBLISH, Kind.DISCONNECT] == kinds


async def test_who_takes_the_session_over_is_shown_online(mqtt, party):
    patient = Patience(retry_first_s=30)
    async with Station(mqtt, patience=patient) as first:
        await party.hear(first.state_topic)
        await first.connected()
        async with Station(mqtt, patience=patient) as second:
            await second.connected()
            await first.in_trouble("ended by")
            await second.settled()
            await party.publish(second.state_topic, b"behind")
            await party.heard_last(second.state_topic, b"behind")
            shown = party.on(first.state_topic)

    assert [b"online", b"behind"] == shown[-2:]


async def test_the_state_is_published_again_with_each_connection(broker, base_topic, protocol, party):
    topic = f"{base_topic}/instances/one/state"
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            await station.settled()
            await party.publish(topic, b"what a late will would leave", retain=True)
            proxy.cut()
            await station.connected(2)
            await station.settled()
            await party.hear(topic)
            await until(lambda: party.heard, "the retained state")

    assert (b"online", True) == (party.heard[0].payload, party.heard[0].retain)
