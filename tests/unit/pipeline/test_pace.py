"""Turns of a channel, in virtual time: so many at a time, so many a second, none after a stop."""

from __future__ import annotations

import asyncio

from axion_bus.pipeline.pace import Pace
from tests.fakes import time_passes


def now_s():
    return round(asyncio.get_running_loop().time(), 3)


async def moments(pace, stop, number):
    """When so many turns begin that are over at once."""
    begun = []
    for _ in range(number):
        assert await pace.turn(stop)
        begun.append(now_s())
        pace.done()
    return begun


async def test_the_first_turn_is_at_once_and_the_others_at_the_rate(stop):
    assert [0.0, 0.25, 0.5, 0.75] == await moments(Pace(4, 10), stop, 4)


async def test_a_pause_is_not_made_up_for(stop):
    pace = Pace(4, 10)
    await moments(pace, stop, 1)
    await time_passes(10)

    assert [10.0, 10.25] == await moments(pace, stop, 2)


async def test_a_turn_waits_for_one_that_lasts(stop):
    pace = Pace(1000, 1)
    await pace.turn(stop)
    asyncio.get_running_loop().call_later(7.2, pace.done)

    assert (True, 7.2) == (await pace.turn(stop), now_s())


async def test_there_is_no_turn_after_a_stop(stop):
    stop.set()

    assert not await Pace(1, 1).turn(stop)


async def test_a_stop_ends_waiting_for_a_moment_and_leaves_the_place_free(stop):
    pace = Pace(0.001, 1)
    await moments(pace, stop, 1)
    asyncio.get_running_loop().call_later(3, stop.set)

    assert (False, 3.0) == (await pace.turn(stop), now_s())
    assert not pace._places.locked()


async def test_a_stop_ends_waiting_for_a_place_within_half_a_second(stop):
    pace = Pace(1000, 1)
    await pace.turn(stop)
    asyncio.get_running_loop().call_later(3.1, stop.set)

    assert (False, True) == (await pace.turn(stop), now_s() <= 3.6)


async def test_there_is_no_turn_that_would_begin_too_late(stop):
    pace = Pace(1, 1)
    await moments(pace, stop, 1)

    assert (False, 0.0) == (await pace.turn(stop, until_s=0.9), now_s())
    assert (True, 1.0) == (await pace.turn(stop, until_s=1.1), now_s())
