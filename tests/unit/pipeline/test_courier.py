"""Lines of people's channels: beside each other, each as fast as it may, left alone when dead, ended in order; in virtual time."""

from __future__ import annotations

import pytest

from axion_bus.domain.communication import Channel
from axion_bus.domain.delivery import Manner
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt
from tests.builders import a_page, pages
from tests.fakes import NEVER, FakeChannel, LoopClock, time_passes, until

TRANSIENT = DeliveryFailed("answered 503")


@pytest.fixture
def clock():
    return LoopClock()


def sent(channel):
    return [letter.guid for letter in channel.letters]


def seconds(channel):
    return [round(at_s, 3) for at_s in channel.sent_at_s]


def held(store):
    """What anybody has leased."""
    return [guid for guid, row in store.tables.rows.items() if row.lease_owner is not None]


def all_settled(store):
    rows = [row.communication for row in store.tables.rows.values()]
    return all(row.next_attempt_at is None for row in rows if row.channel != Channel.MQTT)


async def test_what_waits_is_delivered(carrying, put, store):
    put(*pages(3))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await until(lambda: all_settled(store))

    assert ["page-000", "page-001", "page-002"] == sent(channel)


async def test_what_comes_later_is_delivered_within_half_a_second(carrying, put):
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await time_passes(10.1)
        put(a_page())
        await time_passes(0.5)

    assert ["page-1"] == sent(channel)


async def test_a_channel_that_hangs_delays_no_other(carrying, put):
    put(*pages(20), *pages(20, "sms", channel=Channel.SMS))
    dead, alive = FakeChannel(NEVER), FakeChannel(takes_s=0.1)

    async with carrying({"SLACK": dead, "SMS": alive}):
        await until(lambda: len(alive.letters) == 20, within_s=1)

    assert 20 == len(alive.letters)


async def test_a_message_that_hangs_leaves_the_other_places_of_its_channel_in_use(carrying, put):
    put(a_page("hangs"))
    channel = FakeChannel(NEVER, Receipt())

    async with carrying({"SLACK": channel}):
        await until(lambda: channel.letters)
        put(*pages(3))
        await time_passes(1)

    assert ["hangs", "page-000", "page-001", "page-002"] == sent(channel)


async def test_no_more_are_sent_at_a_time_than_the_channel_may(carrying, put, store):
    put(*pages(10))
    channel = FakeChannel(takes_s=1.0)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=3)):
        await until(lambda: all_settled(store))

    assert 3 == channel.most


async def test_no_more_are_sent_a_second_than_the_channel_may(carrying, put, store):
    put(*pages(5))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}, manner=Manner(rate=2, concurrency=10)):
        await until(lambda: all_settled(store))

    assert [0.0, 0.5, 1.0, 1.5, 2.0] == seconds(channel)


async def test_no_turn_is_lost_to_what_has_waited_too_long_for_it(carrying, put, store):
    """A lease of 70 s does not last for a hundred messages at one a second."""
    put(*pages(100))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}, manner=Manner(rate=1, concurrency=10)):
        await until(lambda: all_settled(store), within_s=101)

    assert 100 == len(set(sent(channel))) == len(sent(channel))


async def test_what_says_the_same_is_one_message(carrying, put, store):
    put(*pages(50, title="[HIGH] Disk full"))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await until(lambda: all_settled(store))

    assert ["50x [HIGH] Disk full REF-page-000"] == [letter.subject for letter in channel.letters]


async def test_where_programs_keep_incidents_apart_each_is_a_message(carrying, put, store):
    put(*pages(50, title="[HIGH] Disk full", channel=Channel.PAGERDUTY))
    channel = FakeChannel()

    async with carrying({"PAGERDUTY": channel}, manner=Manner(rate=1000, concurrency=10, bundles=False)):
        await until(lambda: all_settled(store))

    assert 50 == len({letter.incident_guid for letter in channel.letters})


async def test_nothing_overtakes_what_tells_the_same_person_of_the_same_incident(carrying, put, store):
    put(a_page("1-created"), a_page("2-acknowledged", occasion="acknowledged"), a_page("3-closed", occasion="closed"))
    channel = FakeChannel(TRANSIENT, Receipt("C1:17"), takes_s=0.3)

    async with carrying({"SLACK": channel}):
        await until(lambda: all_settled(store))

    assert ["1-created", "1-created", "2-acknowledged", "3-closed"] == sent(channel)
    assert [None, None, "C1:17", "C1:17"] == [letter.thread for letter in channel.letters]
