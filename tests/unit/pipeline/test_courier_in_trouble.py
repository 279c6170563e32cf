"""A courier whose channel is dead, whose database goes away, who is told to stop, or takes over from a killed one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel
from axion_bus.domain.delivery import FAILURES_TO_OPEN, OPEN_FOR_S, Manner
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt
from tests.builders import a_page, pages
from tests.fakes import NOON, FakeChannel, LoopClock, time_passes, until

TRANSIENT = DeliveryFailed("answered 503")


@pytest.fixture
def clock():
    return LoopClock()


def sent(channel):
    return [letter.guid for letter in channel.letters]


def held(store):
    """What anybody has leased."""
    return [guid for guid, row in store.tables.rows.items() if row.lease_owner is not None]


def all_settled(store):
    rows = [row.communication for row in store.tables.rows.values()]
    return all(row.next_attempt_at is None for row in rows if row.channel != Channel.MQTT)


async def test_a_channel_that_fails_again_and_again_is_left_alone_for_a_while(carrying, put, store):
    put(*pages(50))
    channel = FakeChannel(TRANSIENT, takes_s=0.01)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=1)):
        await time_passes(OPEN_FOR_S - 1)

        assert (FAILURES_TO_OPEN, []) == (len(channel.letters), held(store))


async def test_it_is_tried_by_one_message_and_left_alone_again(carrying, put):
    put(*pages(50))
    channel = FakeChannel(TRANSIENT, takes_s=0.1)

    async with carrying({"SLACK": channel}):
        await time_passes(OPEN_FOR_S - 1)
        before = len(channel.letters)
        await time_passes(3)
        first_trial = len(channel.letters)
        await time_passes(OPEN_FOR_S)

    assert (before + 1, before + 2) == (first_trial, len(channel.letters))


async def test_when_a_trial_succeeds_everything_is_sent(carrying, put, store):
    put(*pages(50))
    channel = FakeChannel(*[TRANSIENT] * FAILURES_TO_OPEN, Receipt(), takes_s=0.01)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=1)):
        await time_passes(OPEN_FOR_S + 5)

        assert all_settled(store)


async def test_what_is_refused_does_not_make_a_dead_channel(carrying, put, store):
    put(*pages(50))
    channel = FakeChannel(DeliveryFailed("answered 400", is_permanent=True), takes_s=0.01)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=1)):
        await until(lambda: all_settled(store), within_s=OPEN_FOR_S)

    assert 50 == len(channel.letters)


async def test_what_is_being_sent_at_the_stop_is_settled_and_the_rest_goes_back(carrying, put, store):
    put(*pages(50))
    channel = FakeChannel(takes_s=2.0)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=2)):
        await until(lambda: channel.letters)

    status = [store.tables.rows[guid].communication.status.value for guid in sorted(store.tables.rows) if "page" in guid]
    assert (["SENT"] * 2 + ["PENDING"] * 48, [], 2) == (status, held(store), len(channel.letters))


async def test_a_stop_does_not_wait_for_a_slow_pace(carrying, put, store):
    put(*pages(50))

    async with carrying({"SLACK": FakeChannel()}, manner=Manner(rate=0.1, concurrency=10)):
        await time_passes(1)
        begun_s = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - begun_s < 1
    assert [] == held(store)


async def test_what_a_killed_predecessor_had_claimed_is_taken_up_at_once(carrying, put, store):
    put(a_page())
    store.tables.lease(["page-1"], "me", NOON + timedelta(hours=1))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await time_passes(0.1)

    assert ["page-1"] == sent(channel)


async def test_what_somebody_else_had_claimed_is_taken_up_after_the_lease(carrying, put, store):
    put(a_page())
    store.tables.lease(["page-1"], "other", NOON + timedelta(seconds=60))
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await time_passes(59)
        before = sent(channel)
        await time_passes(2)

    assert ([], ["page-1"]) == (before, sent(channel))


async def test_without_channels_it_waits_for_the_stop(carrying, progress, stop):
    async with carrying({}) as task:
        await time_passes(1)

        assert (False, "a stop") == (task.done(), progress.waiting)


async def test_a_database_that_is_away_is_waited_for(carrying, put, store, progress):
    put(*pages(3))
    store.is_away = True
    channel = FakeChannel()

    async with carrying({"SLACK": channel}):
        await time_passes(30)
        waiting = progress.waiting
        store.is_away = False
        await until(lambda: all_settled(store))

    assert ("store", 3) == (waiting, len(channel.letters))


async def test_a_database_that_goes_away_while_messages_are_sent_ends_nothing(carrying, put, store):
    put(*pages(20))
    channel = FakeChannel(takes_s=0.1)

    async with carrying({"SLACK": channel}, manner=Manner(rate=1000, concurrency=4), settle_for_s=600.0):
        await until(lambda: channel.letters)
        store.is_away = True
        await time_passes(60)
        store.is_away = False
        await until(lambda: all_settled(store))

    assert sorted(set(sent(channel))) == sorted(sent(channel))


async def test_what_could_not_be_settled_is_sent_again_soon(carrying, put, store):
    put(a_page())
    channel = FakeChannel(takes_s=0.1)

    async with carrying({"SLACK": channel}):
        await until(lambda: channel.letters)
        store.is_away = True
        await time_passes(5)
        store.is_away = False
        await time_passes(3)

    assert ["page-1", "page-1"] == sent(channel)
    assert [(1, True), (2, False)] == [(each.attempt, each.is_ambiguous) for each in store.tables.attempts]


async def test_a_bug_of_ours_ends_neither_the_line_nor_another(carrying, put, store):
    broken = a_page("broken", channel=Channel.SMS)
    put(replace(broken, metadata={**broken.metadata, "queued_at": "yesterday"}), *pages(3))
    failing, channel = FakeChannel(TRANSIENT), FakeChannel()

    async with carrying({"SMS": failing, "SLACK": channel}):
        await time_passes(5)
        put(*pages(1, "later"))
        await time_passes(5)

    assert ["page-000", "page-001", "page-002", "later-000"] == sent(channel)
