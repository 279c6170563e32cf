"""A subscription that the broker does not grant at QoS 1 is told and asked for again; the rest goes on."""

from __future__ import annotations

from axion_bus.buses.patience import Patience
from tests.chaos.wire import Kind, packet, publish
from tests.contract.mqtt.station import Station, settings, until
from tests.servers.scripted_broker import ScriptedBroker, filters_of, suback

REFUSED = 0x80


async def test_a_refused_subscription_is_told_and_asked_for_again_until_it_is_granted(base_topic, protocol):
    asked = []

    async def script(visit):
        await visit.accept()
        while True:
            request = await visit.next()
            if request.kind == Kind.SUBSCRIBE:
                asked.append([topic for topic in filters_of(request, protocol) if not topic.startswith("$")])
                refused = {"sensors/#"} if len(asked) < 3 else set()
                reasons = [REFUSED if topic in refused else 1 for topic in filters_of(request, protocol)]
                visit.send(suback(request, reasons, protocol=protocol))
            else:
                visit.answer(request)

    sources = [{"topic": f"{base_topic}/alerts/#"}, {"topic": "sensors/#"}]
    patience = Patience(ask_again_s=0.1)
    async with (
        ScriptedBroker(script) as scripted,
        Station(settings(scripted.url, base_topic, protocol, sources=sources), patience=patience) as station,
    ):
        trouble = await station.in_trouble("subscribe")
        was_connected = (await station.connected()).bus.is_connected
        await until(lambda: station.bus.trouble is None, "the end of the trouble")

    expected = "the broker does not let us subscribe to sensors/# (Unspecified error) at QoS 1; does its ACL allow it?"
    assert (expected, True, 1) == (trouble, was_connected, station.bus.connection)
    assert [[f"{base_topic}/alerts/#", "sensors/#"], ["sensors/#"], ["sensors/#"]] == asked


async def test_a_subscription_that_is_granted_at_qos_0_only_is_told(base_topic, protocol):
    async def script(visit):
        await visit.accept()
        await visit.grant(0)
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic, protocol)) as station:
        trouble = await station.in_trouble("QoS 1")

    expected = f"the broker does not let us subscribe to {base_topic}/alerts/# (Granted QoS 0) at QoS 1; does its ACL allow it?"
    assert expected == trouble


async def test_an_answer_to_a_subscription_that_was_never_asked_for_is_of_no_consequence(base_topic):
    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(packet(Kind.SUBACK, b"\x12\x34\x00\x87"), publish(f"{base_topic}/alerts/web", b"x"))
        await visit.serve()

    async with ScriptedBroker(script) as scripted, Station(settings(scripted.url, base_topic)) as station:
        await station.connected()
        await station.got(1)

    assert (None, 1) == (station.bus.trouble, station.bus.connection)
