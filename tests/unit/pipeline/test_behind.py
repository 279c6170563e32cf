"""Steps that are done behind our back: in order, none left behind, no error lost."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.pipeline.behind import Behind


@pytest.fixture
def log():
    return []


@pytest.fixture
def step(log):
    async def step(name, *, fails=False, waits_for=None):
        log.append(f"{name} begins")
        try:
            await (waits_for.wait() if waits_for else asyncio.sleep(0))
        finally:
            log.append(f"{name} ends")
        if fails:
            raise ValueError(name)

    return step


async def test_a_step_is_under_way_while_we_go_on(step, log):
    goes_on = asyncio.Event()

    async with Behind() as behind:
        await behind.begin(step("a", waits_for=goes_on))
        log.append("we go on")
        goes_on.set()

    assert ["a begins", "we go on", "a ends"] == log


async def test_a_step_begins_when_the_one_before_has_ended(step, log):
    async with Behind() as behind:
        await behind.begin(step("a"))
        await behind.begin(step("b"))

    assert ["a begins", "a ends", "b begins", "b ends"] == log


async def test_the_error_of_a_step_comes_out_of_the_next_which_is_not_begun(step, log):
    async def work():
        async with Behind() as behind:
            await behind.begin(step("a", fails=True))
            await behind.begin(step("b"))

    with pytest.raises(ValueError, match="a"):
        await work()

    assert ["a begins", "a ends"] == log


async def test_the_error_of_the_last_step_comes_out_at_the_end(step):
    async def work():
        async with Behind() as behind:
            await behind.begin(step("a", fails=True))

    with pytest.raises(ValueError, match="a"):
        await work()


async def test_when_we_fail_the_step_is_cancelled_and_has_ended(step, log):
    async def work():
        async with Behind() as behind:
            await behind.begin(step("a", waits_for=asyncio.Event()))
            raise KeyError

    with pytest.raises(KeyError):
        await work()

    assert ["a begins", "a ends"] == log


async def test_when_we_are_cancelled_the_step_is_too(step, log):
    begun = asyncio.Event()

    async def work():
        async with Behind() as behind:
            await behind.begin(step("a", waits_for=asyncio.Event()))
            begun.set()

    working = asyncio.create_task(work())
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert ["a begins", "a ends"] == log
