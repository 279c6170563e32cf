"""Home Assistant beside us on the broker: the device is announced, retained, again when either side returns, and taken away."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from axion_bus.buses.homeassistant import HomeAssistant
from tests.contract.mqtt.station import Party, Station, settings, until
from tests.servers import Mosquitto, TcpProxy


@pytest.fixture
def prefix(base_topic):
    return f"ha-{base_topic}"


def told(url, base_topic, prefix, protocol=5, **more):
    keys = {"discovery": True, "discovery_prefix": prefix, "birth_topic": f"{prefix}/status"} | more
    mqtt = settings(str(url), base_topic, protocol, homeassistant=keys)
    return Station(mqtt, homeassistant=HomeAssistant.of(mqtt, instance="one", version="1.2.3"))


def topic_of(prefix):
    return f"{prefix}/device/axion_bus_one/config"


async def test_the_device_is_announced_and_retained(broker, base_topic, protocol, prefix, party):
    async with told(broker.url, base_topic, prefix, protocol) as station:
        await station.connected()
        await station.settled()
    await party.hear(f"{prefix}/#")
    await until(lambda: party.heard, "the retained device")

    (message,) = party.heard
    assert (topic_of(prefix), True, f"{base_topic}/summary") == (
        message.topic,
        message.retain,
        json.loads(message.payload)["components"]["problem"]["state_topic"],
    )


async def test_a_birth_message_brings_it_again(broker, base_topic, protocol, prefix, party):
    await party.hear(topic_of(prefix))
    async with told(broker.url, base_topic, prefix, protocol) as station:
        await station.connected()
        await until(lambda: len(party.heard) == 1, "the first announcement")
        await party.publish(f"{prefix}/status", b"offline", b"online")
        await until(lambda: len(party.heard) == 2, "the second announcement")
        await station.settled()

    assert (2, []) == (len(party.heard), station.received)


async def test_it_is_announced_again_with_each_connection(broker, base_topic, protocol, prefix, party):
    await party.hear(topic_of(prefix))
    with TcpProxy(broker.port) as proxy:
        async with told(f"mqtt://127.0.0.1:{proxy.port}", base_topic, prefix, protocol) as station:
            await station.connected()
            await until(lambda: len(party.heard) == 1, "the first announcement")
            proxy.cut()
            await station.connected(2)
            await until(lambda: len(party.heard) == 2, "the second announcement")

    assert party.heard[0].payload == party.heard[1].payload


async def test_turning_it_off_takes_it_away(broker, base_topic, protocol, prefix, party):
    async with told(broker.url, base_topic, prefix, protocol) as station:
        await station.connected()
        await station.settled()
    async with told(broker.url, base_topic, prefix, protocol, discovery=False) as station:
        await station.connected()
        await station.settled()
    await party.hear(f"{prefix}/#")
    await party.publish(f"{prefix}/behind", b"")
    await until(lambda: party.heard, "what is behind")

    assert [f"{prefix}/behind"] == [message.topic for message in party.heard]


async def test_turned_off_it_does_not_listen_to_home_assistant(broker, base_topic, protocol, prefix, party):
    async with told(broker.url, base_topic, prefix, protocol, discovery=False) as station:
        await station.connected()
        await station.settled()
        await party.hear(f"{prefix}/#")
        await party.publish(f"{prefix}/status", b"online")
        await party.publish(station.alert_topic(), b"behind it")
        await station.got(1)
        await station.settled()
        await party.publish(f"{prefix}/behind", b"")
        await until(lambda: party.on(f"{prefix}/behind"), "what is behind")

    assert [f"{prefix}/status", f"{prefix}/behind"] == [message.topic for message in party.heard]


async def test_where_nothing_is_said_nothing_is_published(broker, base_topic, protocol, prefix, party):
    await party.hear(f"{prefix}/#")
    async with told(broker.url, base_topic, prefix, protocol, discovery=None) as station:
        await station.connected()
        await station.settled()
        await party.publish(f"{prefix}/behind", b"")
        await until(lambda: party.heard, "what is behind")

    assert [f"{prefix}/behind"] == [message.topic for message in party.heard]


@pytest.mark.parametrize("discovery", [False, None])
async def test_a_session_that_still_hears_the_birth_message_takes_it_for_no_alert(mqtt, prefix, party, discovery):
    async with told(mqtt.url, mqtt.base_topic, prefix, mqtt.protocol) as station:
        await station.connected()
    async with told(mqtt.url, mqtt.base_topic, prefix, mqtt.protocol, discovery=discovery) as station:
        await station.connected()
        await party.publish(f"{prefix}/status", b"online")
        await party.publish(station.alert_topic(), b"alert")
        await station.got(1)

    assert [b"alert"] == station.bodies


def with_birth_as_source(mqtt, prefix):
    keys = {"discovery_prefix": prefix, "birth_topic": f"{prefix}/status"}
    return settings(str(mqtt.url), mqtt.base_topic, mqtt.protocol, homeassistant=keys, sources=[{"topic": f"{prefix}/status"}])


async def test_a_birth_topic_that_is_a_source_is_one(mqtt, prefix, party):
    mqtt = with_birth_as_source(mqtt, prefix)
    async with Station(mqtt, homeassistant=HomeAssistant.of(mqtt, instance="one", version="1.2.3")) as station:
        await station.connected()
        await party.publish(f"{prefix}/status", b"offline")
        await station.got(1)

    assert [b"offline"] == station.bodies


async def test_what_a_session_hears_there_as_of_a_former_source_is_acknowledged(mqtt, prefix, party):
    async with Station(with_birth_as_source(mqtt, prefix)) as former:
        await former.connected()
    async with told(mqtt.url, mqtt.base_topic, prefix, mqtt.protocol, discovery=False) as station:
        await station.connected()
        await party.publish(f"{prefix}/status", b"offline")
        await party.publish(station.alert_topic(), b"behind it")
        await station.got(1)
        await station.settled()
    async with Station(with_birth_as_source(mqtt, prefix)) as again:
        await again.connected()
        await party.publish(f"{prefix}/status", b"now")
        await until(lambda: b"now" in again.bodies, "what is published now")

    assert [b"behind it", b"now"] == again.bodies  # the one that nobody acknowledged, and this


async def test_a_broker_that_refuses_it_is_told_of_and_nothing_else_suffers(base_topic, tmp_path):
    acl = f"topic readwrite {base_topic}/#\ntopic read ha/#\n"
    with Mosquitto(tmp_path, acl=acl) as closed, capture_logs() as logs:
        async with told(closed.url, base_topic, "ha") as station, Party(closed.port) as party:
            await station.connected()
            await party.publish(station.alert_topic(), b"alert")
            await station.got(1)
            await until(lambda: [line for line in logs if line["event"] == "homeassistant_not_told"], "a log line")

    assert (None, [b"alert"]) == (station.bus.trouble if station.bus.is_connected else None, station.bodies)
