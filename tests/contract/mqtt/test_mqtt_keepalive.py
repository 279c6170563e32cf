"""Signs of life: a paused bus gives them, one that gets none any more ends the connection, and none is asked for unread."""

from __future__ import annotations

from axion_bus.buses.patience import Patience
from tests.chaos.wire import Kind, Packets, packet, publish
from tests.contract.mqtt.station import Station, settings, until
from tests.servers import TcpProxy
from tests.servers.scripted_broker import ScriptedBroker

NOT_AUTHORIZED = 0x87
SERVER_KEEPALIVE_1 = b"\x13\x00\x01"  # MQTT 5 3.2.2.3.14


def _numbers(count):
    return [b"%d" % number for number in range(count)]


class _Upstream:
    """Notes the kind of each packet that the client sends through a proxy."""

    def __init__(self):
        self.kinds = []
        self._packets = Packets()

    def upstream(self, data):
        self.kinds.extend(found.kind for found in self._packets.feed(data))

    def downstream(self, data):
        pass


async def test_a_paused_bus_stays_connected_for_longer_than_two_keepalives(broker, base_topic, party):
    seen = _Upstream()
    with TcpProxy(broker.port, observe=lambda: seen) as proxy:
        mqtt = settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol=4).model_copy(update={"keepalive_s": 2})
        async with Station(mqtt) as station:
            await station.connected()
            station.bus.pause()
            await party.publish(station.alert_topic(), b"x")
            await until(lambda: seen.kinds.count(Kind.PINGREQ) >= 8, "eight pings, one a second")
            station.bus.resume()
            await station.got(1)
            await station.settled()

    assert ([b"x"], 1) == (station.bodies, station.bus.connection)


async def test_a_resumed_bus_is_not_ended_for_an_answer_to_its_ping_that_it_has_not_read_yet(base_topic):
    pings = 0

    async def script(visit):
        nonlocal pings
        await visit.accept(properties=SERVER_KEEPALIVE_1)
        await visit.grant()
        for _ in range(2):  # online and info
            visit.answer(await visit.next())
        await visit.wait_for(Kind.PINGREQ)
        visit.send(*(publish(f"{base_topic}/alerts/web", body) for body in _numbers(500)), packet(Kind.PINGRESP, b""))
        while True:
            visit.answer(request := await visit.next())
            pings += request.kind == Kind.PINGREQ

    def deliver(received):
        station.received.append(received)
        if len(station.received) == 1:
            station.bus.pause()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic), deliver=deliver) as station:
        await until(lambda: pings >= 3, "three pings while it is paused, more than a keepalive")
        station.bus.resume()
        station.bus._connection.tick()
        await station.got(500)
        await station.settled()

    assert (_numbers(500), 1) == (station.bodies, station.bus.connection)


async def test_a_paused_bus_asks_for_nothing_whose_answer_it_would_not_read(base_topic):
    async def script(visit):
        await visit.accept(properties=SERVER_KEEPALIVE_1)
        await visit.grant(NOT_AUTHORIZED)
        await visit.serve()

    def pings():
        return [each.kind for each in scripted.visits[0].seen].count(Kind.PINGREQ)

    patience = Patience(ask_again_s=0.01, answer_s=0.1)
    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic), patience=patience) as station:
        await station.connected()
        station.bus.pause()
        await until(lambda: pings() >= 2, "two ticks")
        still_there = station.bus.is_connected
        station.bus.resume()
        await until(lambda: station.bus.trouble is None, "the subscription")

    assert (True, 1) == (still_there, station.bus.connection)


async def test_a_connection_that_gives_no_sign_of_life_is_ended(base_topic):
    async def script(visit):
        await visit.accept(properties=SERVER_KEEPALIVE_1)
        await visit.grant()
        while True:
            request = await visit.next()
            if request.kind != Kind.PINGREQ:
                visit.answer(request)

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        trouble = await station.in_trouble("ended by")

    assert trouble == f"{scripted.url}: ended by the network: Keep alive timeout"
