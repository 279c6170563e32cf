"""A session that was asked for, and nobody knows what the broker answered: the next start tells of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.errors import StoreUnavailable
from tests.fakes import NOON, time_passes
from tests.unit.pipeline.gaps import KNOWN, reasons, rows

ASKED = replace(KNOWN, connecting_since=NOON - timedelta(minutes=1))


async def test_that_the_broker_is_asked_for_the_session_is_on_record_before_it_is(make_gaps, store):
    await make_gaps().connecting()

    assert store.tables.slots["axion-bus-test"].connecting_since == NOON


async def test_the_record_goes_when_the_broker_has_answered(make_gaps, running, stop, store):
    gaps = make_gaps()

    async with running(gaps.run(stop), gaps.wake):
        await gaps.connecting()
        gaps.told_session(present=True, filters=["a/#"])
        await time_passes(1)

    assert ([], None) == (rows(store), store.tables.slots["axion-bus-test"].connecting_since)


@pytest.mark.parametrize(("present", "told"), [(True, "session_unsure"), (False, "session_lost")])
async def test_a_start_after_one_that_never_put_the_answer_on_record_tells_of_it(telling, make_gaps, store, present, told):
    gaps = make_gaps(ASKED)
    await gaps.connecting()

    await telling(lambda gaps: gaps.told_session(present=present, filters=["a/#"]), gaps=gaps)
    await gaps.connecting()
    await telling(lambda gaps: gaps.told_session(present=True, filters=["a/#"]), gaps=gaps)

    assert [told] == reasons(store)


async def test_a_broker_that_is_asked_twice_and_answers_once_may_have_answered_the_first_time(make_gaps, running, stop, store):
    gaps = make_gaps()

    async with running(gaps.run(stop), gaps.wake):
        await gaps.connecting()
        await gaps.connecting()
        gaps.told_session(present=True, filters=["a/#"])
        await time_passes(1)

    [row] = rows(store)
    assert "session_unsure: the broker was asked for the session of client id axion-bus-test at 2026-01-31T12:00:00Z" in (
        row.error_message
    )


async def test_a_broker_that_refuses_us_has_lost_nothing(make_gaps, running, stop, store):
    gaps = make_gaps()

    async with running(gaps.run(stop), gaps.wake):
        for _ in range(2):
            await gaps.connecting()
            gaps.told_turned_away()
        await gaps.connecting()
        gaps.told_session(present=True, filters=["a/#"])
        await time_passes(1)

    assert [] == rows(store)


async def test_a_broker_that_could_not_be_asked_because_the_database_was_away_has_lost_nothing(make_gaps, running, stop, store):
    gaps = make_gaps()
    store.is_away = True

    async with running(gaps.run(stop), gaps.wake):
        with pytest.raises(StoreUnavailable):
            await gaps.connecting()
        store.is_away = False
        await gaps.connecting()
        gaps.told_session(present=True, filters=["a/#"])
        await time_passes(1)

    assert [] == rows(store)


async def test_a_client_id_that_never_had_a_session_is_not_unsure_of_it(make_gaps, running, stop, store):
    gaps = make_gaps(replace(ASKED, subscribed_at=None))

    async with running(gaps.run(stop), gaps.wake):
        await gaps.connecting()
        gaps.told_session(present=True, filters=["a/#"])
        await time_passes(1)

    assert [] == rows(store)
