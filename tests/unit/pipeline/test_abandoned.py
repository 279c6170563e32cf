"""What nobody sends is given up when every try would be over, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.pipeline.abandoned import LOOK_EVERY_S, Abandoned
from tests.builders import a_page
from tests.fakes import LoopClock, time_passes, until

BUDGET = timedelta(minutes=20)
BUDGET_S = 1200


@pytest.fixture
def giving_up(store, progress, running, stop):
    """Runs what gives up the messages of SMS."""
    worker = Abandoned(store=store, gone={"SMS": "nobody has it"}, budget=BUDGET, clock=LoopClock(), progress=progress)
    return lambda: running(worker.run(stop))


async def test_what_waits_for_a_channel_that_nobody_serves_waits_as_long_as_it_would_be_tried(giving_up, put, row):
    put(a_page("page-1", channel="SMS"))

    async with giving_up():
        await time_passes(BUDGET_S)
        before = row("page-1").status
        await time_passes(LOOK_EVERY_S + 1)

    assert ("PENDING", "FAILED", "nobody has it") == (before, row("page-1").status, row("page-1").error_message)


async def test_what_waits_for_a_channel_that_is_served_is_left_alone(giving_up, put, row):
    put(a_page("page-1"))

    async with giving_up():
        await time_passes(2 * BUDGET_S)

    assert "PENDING" == row("page-1").status


async def test_it_is_given_up_when_the_database_is_back(giving_up, put, row, store):
    put(a_page("page-1", channel="SMS"))
    store.is_away = True

    async with giving_up():
        await time_passes(2 * BUDGET_S)
        store.is_away = False
        await until(lambda: row("page-1").next_attempt_at is None, within_s=2)

    assert "FAILED" == row("page-1").status
