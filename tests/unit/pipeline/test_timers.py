"""What happens because time passes: incidents whose quiet time is over close by themselves."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from axion_bus.domain.incident import CloseReason, IncidentStatus, TimelineEvent
from axion_bus.pipeline.timers import Timers
from tests.builders import an_incident
from tests.fakes import NOON, LoopClock, time_passes, until

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def timers(parts, recorded):
    return Timers(**parts, recorded=recorded)


@pytest.fixture
def timing(timers, running, stop):
    return lambda: running(timers.run(stop))


def watched(guid="incident-1", *, until_at=NOON, **given):
    return an_incident(guid=guid, status="MONITORING", auto_close_at=until_at, version=4, sequence=6, **given)


def put(store, *incidents):
    store.tables.incidents.update((incident.guid, incident) for incident in incidents)


async def test_an_incident_closes_when_its_quiet_time_is_over_and_not_before(timing, store):
    put(store, watched(until_at=NOON + MINUTE))

    async with timing():
        await time_passes(59)
        assert store.tables.incidents["incident-1"].status is IncidentStatus.MONITORING
        await time_passes(2)

    closed = store.tables.incidents["incident-1"]
    assert (IncidentStatus.CLOSED, CloseReason.AUTO, None) == (closed.status, closed.close_reason, closed.auto_close_at)
    assert timedelta(0) <= closed.closed_at - (NOON + MINUTE) <= timedelta(seconds=1)


async def test_closing_by_itself_is_told_like_any_other_change(timing, store, recorded):
    put(store, watched())

    async with timing():
        await until(recorded.is_set)

    closed = store.tables.incidents["incident-1"]
    [row] = [row.communication for row in store.tables.rows.values()]
    event = json.loads(row.message)
    assert (5, 7, 7) == (closed.version, closed.sequence, row.sequence)
    assert ("axion/events/incident/closed", "incident-1", "7") == (row.recipient, event["subject"], event["sequence"])
    assert ({"old": "MONITORING", "new": "CLOSED"}, "quiet", "axion-bus") == (
        event["data"]["change"],
        event["data"]["reason"],
        event["data"]["by"],
    )
    assert [TimelineEvent.CLOSED] == [entry.event for entry in store.tables.timeline]


@pytest.mark.parametrize(
    "incident",
    [
        an_incident(status="MONITORING"),
        an_incident(status="INVESTIGATING", auto_close_at=NOON),
        an_incident(status="CLOSED", auto_close_at=NOON),
    ],
)
async def test_nothing_else_closes_by_itself(timing, store, incident):
    put(store, incident)

    async with timing():
        await time_passes(600)

    assert (incident, {}) == (store.tables.incidents["incident-1"], store.tables.rows)


async def test_all_that_is_due_closes_however_much_it_is(timing, store):
    put(store, *(watched(f"incident-{number}") for number in range(450)))

    async with timing():
        await time_passes(0.5)

    assert {IncidentStatus.CLOSED} == {incident.status for incident in store.tables.incidents.values()}


async def test_without_anything_due_nothing_is_written_and_nobody_is_woken(timing, store, recorded):
    async with timing():
        await time_passes(10)

    assert ({}, False) == (store.tables.rows, recorded.is_set())


async def test_while_the_database_is_away_closing_waits(timing, store, progress):
    put(store, watched())
    store.is_away = True

    async with timing():
        await time_passes(60.5)
        assert progress.waiting == "store"
        store.is_away = False
        await until(lambda: store.tables.incidents["incident-1"].status is IncidentStatus.CLOSED, within_s=1.5)


async def test_a_lost_answer_of_the_database_closes_nothing_twice(timing, store):
    put(store, watched())
    store.loses_answers = 1

    async with timing():
        await time_passes(5)

    assert (1, 7) == (len(store.tables.rows), store.tables.incidents["incident-1"].sequence)


async def test_an_idle_timer_waits_for_time(timing, progress):
    async with timing():
        await time_passes(0.5)

        assert progress.waiting == "time"
