"""Two buses, each with its relay: each sends its own rows, and one that is away holds up no other."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from axion_bus.domain.communication import Channel, CommunicationStatus
from axion_bus.pipeline.bell import Bell
from axion_bus.pipeline.mirror import Mirror
from axion_bus.pipeline.relay import Relay, RelaySettings
from tests.fakes import FakePublisher, until
from tests.fakes.outbox import all_sent, published, status


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def make_relay(store, clock, progress, bell):
    """Makes the relay of a bus."""

    def make(channel, publisher):
        return Relay(
            store=store,
            publisher=publisher,
            mirror=Mirror(store=store, publisher=publisher, base_topic="axion"),
            clock=clock,
            settings=RelaySettings(owner=f"{channel}:test", channel=channel),
            progress=progress,
            wake=bell.hear(),
        )

    return make


@pytest.fixture
async def buses(make_relay, running, stop, bell):
    """Two buses by their channel, each with a relay at work."""
    publishers = {Channel.MQTT: FakePublisher(), Channel.DBUS: FakePublisher()}
    async with AsyncExitStack() as stack:
        for channel, publisher in publishers.items():
            await stack.enter_async_context(running(make_relay(channel, publisher).run(stop), bell.set))
        yield publishers


@pytest.fixture
def queue_for_both(queue, bell):
    def queue_events():
        queue("a", 2)
        queue("b", 2, channel=Channel.DBUS)
        bell.set()

    return queue_events


async def test_each_bus_has_its_own_rows(buses, queue_for_both, store):
    queue_for_both()

    await until(lambda: all_sent(store))

    assert [["a/1", "a/2"], ["b/1", "b/2"]] == [published(each) for each in buses.values()]


@pytest.mark.parametrize(("away", "sent"), [(Channel.DBUS, "a/2"), (Channel.MQTT, "b/2")])
async def test_a_bus_that_is_away_holds_up_no_other(buses, queue_for_both, store, away, sent):
    waits = {Channel.DBUS: "b/1", Channel.MQTT: "a/1"}[away]
    buses[away].is_connected = False
    queue_for_both()

    await until(lambda: status(store, sent) is CommunicationStatus.SENT)

    assert CommunicationStatus.PENDING is status(store, waits)
    buses[away].reconnect()
    await until(lambda: all_sent(store))


async def test_a_bell_wakes_everyone_who_hears_it(bell):
    first, second = bell.hear(), bell.hear()

    bell.set()
    first.clear()

    assert (False, True) == (first.is_set(), second.is_set())
