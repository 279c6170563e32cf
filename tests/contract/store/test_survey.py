"""How the database stands, for whoever watches over it, and what the meter is told of each transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.errors import NotFound, StoreRefused, StoreUnavailable
from axion_bus.ports import Backlog, Changes, Standing
from axion_bus.store.sql import open_store
from axion_bus.telemetry.figures import Figures
from tests.builders import an_incident
from tests.contract.store.scenes import a_message, an_event, claim, delivered, failed, queue, save
from tests.fakes import NOON

MINUTE = timedelta(minutes=1)


async def test_an_empty_database_has_nothing_to_send_and_nothing_open(store):
    assert Standing(backlogs={}, open_incidents={}) == await store.standing()


async def test_what_is_pending_is_told_by_channel_with_the_oldest_and_the_first_due(store):
    await queue(
        store,
        an_event("a", 1, due=NOON),
        an_event("a", 2, due=NOON - MINUTE),
        replace(an_event("b", 1), channel=Channel.SLACK, timestamp=NOON - 9 * MINUTE, next_attempt_at=NOON + 3 * MINUTE),
        replace(an_event("b", 2), channel=Channel.SLACK, timestamp=NOON, next_attempt_at=NOON + MINUTE),
    )

    standing = await store.standing()

    assert standing.backlogs == {
        "MQTT": Backlog(messages=2, queued_at=NOON - MINUTE, due_at=NOON - MINUTE),
        "SLACK": Backlog(messages=2, queued_at=NOON - 9 * MINUTE, due_at=NOON + MINUTE),
    }


async def test_what_came_in_and_what_is_settled_is_not_pending(store):
    await queue(store, an_event("a", 1), an_event("b", 1))
    await save(store, communications=[a_message()])
    first, second = await claim(store)

    await store.settle([delivered(first), failed(second, None)])

    assert {} == (await store.standing()).backlogs


async def test_what_waits_for_another_attempt_is_pending_and_was_queued_when_it_was(store):
    await queue(store, an_event("a", 1))
    (sent,) = await claim(store)

    await store.settle([failed(sent, NOON + MINUTE)])

    assert {"MQTT": Backlog(messages=1, queued_at=NOON, due_at=NOON + MINUTE)} == (await store.standing()).backlogs


async def test_open_incidents_are_told_by_severity(store):
    severities = ["HIGH", "HIGH", "CRITICAL", "LOW"]
    incidents = [an_incident(guid=f"{n}", severity=Severity[each]) for n, each in enumerate(severities)]
    incidents[1] = replace(incidents[1], status=IncidentStatus.MONITORING)
    closed = {"status": IncidentStatus.CLOSED, "closed_at": NOON, "close_reason": CloseReason.RESOLVED}
    incidents[3] = replace(incidents[3], **closed)

    await save(store, new_incidents=incidents)

    assert {"HIGH": 2, "CRITICAL": 1} == (await store.standing()).open_incidents


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
async def measured(url, figures):
    """A store that tells ``figures``."""
    async with open_store(url, password=None, pool_size=2, timeout_s=5, meter=figures) as store:
        yield store


async def test_a_transaction_that_is_committed_counts_with_its_time(measured, figures):
    await save(measured, communications=[a_message()])
    await measured.standing()

    assert 2 == sum(figures.transactions_s.counts)
    assert 0 < figures.transactions_s.total < 60
    assert 0 == sum(figures.store_errors.values())


async def test_what_the_database_does_not_take_counts_by_its_error_and_not_as_committed(measured, figures):
    with pytest.raises(StoreRefused):
        await save(measured, communications=[replace(a_message(), message=None)])

    assert (0, 1) == (sum(figures.transactions_s.counts), figures.store_errors["StoreRefused"])


async def test_every_race_that_is_lost_counts(measured, figures):
    await save(measured, new_incidents=[an_incident(guid="a", correlation_key="k")])

    tries = 0

    async def work(transaction):
        nonlocal tries
        tries += 1
        if tries < 3:
            await transaction.save(Changes(new_incidents=[an_incident(guid="b", correlation_key="k")]))

    await measured.write(work)

    assert (2, 2) == (figures.store_errors["StoreConflict"], sum(figures.transactions_s.counts))


async def test_a_database_that_cannot_be_reached_counts(tmp_path, figures):
    async with open_store(f"sqlite:///{tmp_path}/none.db", password=None, pool_size=1, timeout_s=5, meter=figures) as store:
        with pytest.raises(StoreUnavailable):
            await store.standing()

    assert 1 == figures.store_errors["StoreUnavailable"]


async def test_what_is_nobodys_fault_but_the_askers_is_no_error_of_the_store(measured, figures):
    async def work(transaction):
        raise NotFound("there is no such incident")

    with pytest.raises(NotFound):
        await measured.write(work)

    assert (0, 0) == (sum(figures.store_errors.values()), sum(figures.transactions_s.counts))
