"""What is asked for while one round is under way is done in the next one, all of it at once."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.errors import StoreRefused, StoreUnavailable
from axion_bus.pipeline.together import Together


class Rounds:
    """Takes a second for each round and remembers what was in it; ``fails`` raises for what it finds."""

    def __init__(self, fails=lambda _asked: None):
        self.seen = []
        self.fails = fails

    async def __call__(self, asked):
        self.seen.append(list(asked))
        await asyncio.sleep(1)
        for each in asked:
            error = self.fails(each)
            if error is not None:
                raise error
        return [each * 10 for each in asked]


async def all_of(together, *asked):
    return await asyncio.gather(*map(together, asked), return_exceptions=True)


async def test_who_comes_first_goes_at_once_and_the_next_round_takes_all_who_came_meanwhile():
    rounds = Rounds()

    given = await all_of(Together(rounds), 1, 2, 3, 4)

    assert ([10, 20, 30, 40], [[1], [2, 3, 4]]) == (given, rounds.seen)


async def test_one_that_comes_later_has_a_round_of_its_own():
    rounds = Rounds()
    together = Together(rounds)

    await together(1)
    await together(2)

    assert [[1], [2]] == rounds.seen


async def test_when_the_database_is_away_all_of_a_round_are_told():
    rounds = Rounds(lambda each: StoreUnavailable("away") if each == 3 else None)

    given = await all_of(Together(rounds), 1, 2, 3)

    assert (10, ["away", "away"]) == (given[0], [str(each) for each in given[1:]])
    assert [[1], [2, 3]] == rounds.seen


async def test_what_is_one_s_own_fault_fails_nobody_else():
    rounds = Rounds(lambda each: StoreRefused("too long") if each == 3 else None)

    given = await all_of(Together(rounds), 1, 2, 3, 4)

    assert [10, 20, "too long", 40] == [each if isinstance(each, int) else str(each) for each in given]


async def test_who_is_cancelled_while_serving_others_leaves_them_to_the_next():
    rounds = Rounds()
    together = Together(rounds)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(together(1))
        await asyncio.sleep(0.1)
        leader = group.create_task(together(2))
        other = group.create_task(together(3))
        await asyncio.sleep(1.5)
        leader.cancel()

    assert (10, 30) == (first.result(), other.result())
    with pytest.raises(asyncio.CancelledError):
        leader.result()


async def test_who_is_cancelled_while_waiting_is_not_served():
    rounds = Rounds()
    together = Together(rounds)
    async with asyncio.TaskGroup() as group:
        group.create_task(together(1))
        await asyncio.sleep(0.1)
        waiting = group.create_task(together(2))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.sleep(0)
        group.create_task(together(3))

    assert [[1], [3]] == rounds.seen
