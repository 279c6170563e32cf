"""Batches as messages arrive, and buses held back when too much is unacknowledged."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.pipeline.intake import MAX_BATCH_BYTES, MAX_HELD_BYTES, Intake
from tests.fakes import FakeBus

SMALL = 256 * 1024


@pytest.fixture
def intake(bus, progress):
    intake = Intake(batch_size=3, batch_wait_s=0.005, high_water=10, progress=progress)
    intake.feed_from([bus])
    return intake


def deliver(intake, bus, *bodies):
    messages = [bus.message(body) for body in bodies]
    for message in messages:
        intake.deliver(message)
    return messages


async def test_a_lone_message_is_not_delayed(intake, bus, stop):
    messages = deliver(intake, bus, b"1")

    assert messages == await intake.next_batch(stop)
    assert asyncio.get_running_loop().time() == 0


async def test_what_has_arrived_is_one_batch_in_the_order_of_arrival(intake, bus, stop):
    messages = deliver(intake, bus, b"1", b"2")

    assert messages == await intake.next_batch(stop)


async def test_a_batch_has_no_more_than_its_size(intake, bus, stop):
    messages = deliver(intake, bus, *(b"%d" % number for number in range(7)))

    batches = [await intake.next_batch(stop) for _ in range(3)]

    assert [messages[:3], messages[3:6], messages[6:]] == batches


async def test_a_batch_has_little_more_than_its_bytes(intake, bus, stop):
    deliver(intake, bus, bytes(MAX_BATCH_BYTES - 1), b"2", b"3")

    assert [MAX_BATCH_BYTES, 1] == [sum(len(each.body) for each in await intake.next_batch(stop)) for _ in range(2)]


async def test_a_batch_waits_while_more_keeps_arriving(intake, bus, stop):
    async def arrive():
        for number in range(3):
            deliver(intake, bus, b"%d" % number)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(intake.next_batch(stop))
        group.create_task(arrive())

    assert [b"0", b"1", b"2"] == [message.body for message in waiting.result()]


async def test_but_no_longer_than_it_may(bus, progress, stop):
    intake = Intake(batch_size=1000, batch_wait_s=0, high_water=2000, progress=progress)

    async def flood():
        for number in range(10):
            deliver(intake, bus, b"%d" % number)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(flood())
        waiting = group.create_task(intake.next_batch(stop))

    assert [b"0"] == [message.body for message in waiting.result()]


async def test_the_next_batch_is_waited_for(intake, bus, stop, progress):
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(intake.next_batch(stop))
        await asyncio.sleep(1)
        assert progress.waiting == "messages"
        messages = deliver(intake, bus, b"1")

    assert messages == waiting.result()


def test_the_bus_is_held_back_at_the_high_water_mark_and_not_before(intake, bus):
    deliver(intake, bus, *[b""] * 9)
    assert not bus.is_paused

    deliver(intake, bus, b"")

    assert (True, 10) == (bus.is_paused, intake.held)


async def test_the_bus_is_read_again_at_half_the_mark_and_not_before(intake, bus):
    messages = deliver(intake, bus, *[b""] * 10)

    intake.done(messages[:4])
    assert bus.is_paused
    intake.done(messages[4:5])

    assert (False, 5) == (bus.is_paused, intake.held)


async def test_what_is_taken_as_a_batch_is_held_until_it_is_done(intake, bus, stop):
    deliver(intake, bus, *[b""] * 10)

    await intake.next_batch(stop)

    assert (10, True) == (intake.held, bus.is_paused)


def test_the_bus_is_held_back_by_bytes_too(intake, bus):
    most = MAX_HELD_BYTES // SMALL
    intake = Intake(batch_size=3, batch_wait_s=0, high_water=1_000_000, progress=intake._progress)
    intake.feed_from([bus])
    messages = deliver(intake, bus, *[bytes(SMALL)] * (most - 1))
    assert not bus.is_paused

    messages += deliver(intake, bus, bytes(SMALL))
    assert bus.is_paused
    intake.done(messages[: most // 2 - 1])
    assert bus.is_paused
    intake.done(messages[most // 2 - 1 : most // 2])

    assert not bus.is_paused


def test_a_bus_is_told_once(intake, bus):
    messages = deliver(intake, bus, *[b""] * 15)
    intake.done(messages)

    assert ["pause", "resume"] == bus.told


def test_every_bus_is_held_back(intake, bus):
    other = FakeBus()
    intake.feed_from([bus, other])

    messages = deliver(intake, bus, *[b""] * 10)
    assert (True, True) == (bus.is_paused, other.is_paused)
    intake.done(messages)

    assert (False, False) == (bus.is_paused, other.is_paused)


async def test_a_stop_ends_the_waiting(intake, stop):
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(intake.next_batch(stop))
        await asyncio.sleep(1)
        stop.set()
        intake.close()

    assert [] == waiting.result()


async def test_after_a_stop_nothing_is_handed_out_that_has_arrived(intake, bus, stop):
    deliver(intake, bus, b"1")
    stop.set()

    assert [] == await intake.next_batch(stop)


async def test_what_comes_after_the_closing_is_left_to_the_next_start(intake, bus):
    intake.close()

    deliver(intake, bus, *[b""] * 20)

    assert (0, False, []) == (intake.held, bus.is_paused, bus.acknowledged)


def test_closing_lets_the_bus_be_read_on(intake, bus):
    deliver(intake, bus, *[b""] * 10)

    intake.close()

    assert not bus.is_paused


async def test_until_the_batch_before_is_written_only_a_full_one_is_handed_out(intake, bus, stop):
    before = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(intake.next_batch(stop, before))
        deliver(intake, bus, b"1", b"2")
        await asyncio.sleep(1)
        assert not waiting.done()
        deliver(intake, bus, b"3")

    assert [b"1", b"2", b"3"] == [message.body for message in waiting.result()]


async def test_when_the_batch_before_is_written_what_has_arrived_is_handed_out(intake, bus, stop):
    before = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(intake.next_batch(stop, before))
        messages = deliver(intake, bus, b"1")
        await asyncio.sleep(1)
        before.set_result(None)

    assert messages == waiting.result()
