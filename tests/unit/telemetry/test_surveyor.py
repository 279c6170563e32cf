"""How often the database is asked, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from axion_bus.telemetry.surveyor import Surveyor
from tests.fakes import LoopClock, time_passes


@pytest.fixture
def running():
    """Runs a surveyor beside the test's own steps."""

    @asynccontextmanager
    async def run(surveyor):
        stop = asyncio.Event()
        async with asyncio.timeout(3600), asyncio.TaskGroup() as group:
            group.create_task(surveyor.run(stop))
            yield
            stop.set()

    return run


async def test_it_is_asked_at_once_and_then_every_five_seconds(survey, running):
    async with running(Surveyor(survey, LoopClock())):
        await time_passes(0.1)
        at_once = survey.asked
        await time_passes(30)

    assert (1, 7) == (at_once, survey.asked)


@pytest.mark.parametrize(("takes_s", "expected"), [(0.1, 20), (1.0, 5), (2.0, 3), (9.0, 2)])
async def test_one_that_takes_long_to_answer_is_left_alone_for_longer_but_a_minute_at_most(survey, running, takes_s, expected):
    survey.takes_s = takes_s

    async with running(Surveyor(survey, LoopClock())):
        await time_passes(100)

    assert expected == survey.asked


async def test_a_clock_that_is_set_forward_changes_nothing_about_when_it_is_asked(survey, running, clock):
    survey.before = lambda: clock.advance(hours=1)

    async with running(Surveyor(survey, clock)):
        await time_passes(30.1)

    assert survey.asked == 7


async def test_a_bug_of_ours_does_not_end_it(survey, running):
    def broken():
        raise RuntimeError("no figures")

    survey.before = broken
    surveyor = Surveyor(survey, LoopClock())

    with capture_logs() as logs:
        async with running(surveyor):
            await time_passes(6)
            survey.before = lambda: None
            await time_passes(5)

    assert ["error", "error"] == [each["log_level"] for each in logs]
    assert surveyor.sample is not None


async def test_one_that_is_away_is_asked_on(survey, running):
    survey.is_away = True
    surveyor = Surveyor(survey, LoopClock())

    async with running(surveyor):
        await time_passes(12)
        while_away = surveyor.sample
        survey.is_away = False
        await time_passes(5)

    assert while_away is None
    assert surveyor.sample is not None
