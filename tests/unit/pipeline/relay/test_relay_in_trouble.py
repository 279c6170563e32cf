"""What the relay does when the broker refuses, is silent or away, and when the database is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from axion_bus.domain.communication import CommunicationStatus
from axion_bus.errors import BusUnavailable
from tests.fakes import time_passes, until
from tests.fakes.outbox import all_sent, holding, published, status


async def test_a_failure_stops_its_incident_and_no_other(relaying, queue, publisher, store):
    queue("a", 3)
    queue("b", 3)
    publisher.holds = holding("a/2")

    async with relaying(attempt_timeout_s=2, retry_base_s=60, retry_max_s=60):
        await time_passes(4)
        assert ["PENDING", "PENDING"] == [status(store, "a/2"), status(store, "a/3")]
        assert ["SENT"] * 4 == [status(store, guid) for guid in ("a/1", "b/1", "b/2", "b/3")]
        assert "a/3" not in published(publisher)
        publisher.holds = holding()
        await until(lambda: all_sent(store), within_s=120)

    assert ["a/1", "a/2", "a/2", "a/3"] == [each for each in published(publisher) if each.startswith("a")]


async def test_what_the_broker_does_not_acknowledge_in_time_is_tried_again_later(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.holds = holding("a/1")

    async with relaying(attempt_timeout_s=10, retry_base_s=4):
        await until(lambda: store.tables.attempts)
        attempt = store.tables.attempts[0]
        assert "did not acknowledge it in time" in attempt.error
        assert publisher.events[0].future.cancelled()
        assert timedelta(seconds=10) == attempt.finished_at - attempt.started_at
        assert timedelta(seconds=0.4) <= attempt.next_attempt_at - attempt.finished_at <= timedelta(seconds=4)
        assert (1, attempt.error) == (
            store.tables.rows["a/1"].attempts,
            store.tables.rows["a/1"].communication.error_message,
        )
        publisher.holds = holding()
        await until(lambda: all_sent(store))

    assert (["a/1", "a/1"], [1, 2]) == (published(publisher), [each.attempt for each in store.tables.attempts])


async def test_an_event_is_never_given_up(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.holds = holding("a/1")

    async with relaying(attempt_timeout_s=1, retry_base_s=1, retry_max_s=30):
        await time_passes(1800)
        publisher.holds = holding()
        await until(lambda: all_sent(store))

    assert len(store.tables.attempts) > 50


@pytest.mark.parametrize(("attempt", "most_s"), [(1, 2), (2, 4), (3, 8), (6, 64), (9, 300), (10_000, 300)])
def test_the_wait_before_another_attempt_doubles_up_to_its_limit_with_jitter(make_relay, attempt, most_s):
    relay = make_relay(retry_base_s=2.0, retry_max_s=300.0)

    waits = [relay._backoff_s(attempt) for _ in range(2000)]

    assert most_s / 10 <= min(waits) <= most_s / 5
    assert most_s * 0.9 <= max(waits) <= most_s


async def test_while_the_broker_is_away_nothing_is_claimed(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.is_connected = False

    async with relaying():
        await time_passes(60)
        assert (None, 0, 0) == (store.tables.rows["a/1"].lease_owner, store.tables.rows["a/1"].attempts, publisher.calls)
        publisher.reconnect()
        await until(lambda: all_sent(store), within_s=1)


async def test_while_the_database_is_away_the_relay_waits(relaying, queue, publisher, store, progress):
    queue("a", 1)
    store.is_away = True

    async with relaying():
        await time_passes(60.1)
        assert ([], "store") == (publisher.sent, progress.waiting)
        store.is_away = False
        await until(lambda: all_sent(store), within_s=2)


async def test_what_could_not_be_settled_is_published_again_as_soon_as_the_database_is_back(relaying, queue, publisher, store):
    queue("a", 1)

    def loses_the_database(published):
        store.is_away = published.is_event
        return False

    publisher.holds = loses_the_database

    async with relaying():
        await until(lambda: published(publisher))
        await time_passes(5)
        publisher.holds = holding()
        store.is_away = False
        await until(lambda: all_sent(store), within_s=2)

    assert ["a/1", "a/1"] == published(publisher)


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"data": null}', '{"data": {"incident": 1}}'])
async def test_a_row_that_cannot_be_sent_holds_up_no_other_incident(relaying, queue, publisher, store, message):
    queue("a", 1, message)
    queue("b", 2)

    async with relaying():
        await until(lambda: status(store, "b/2") is CommunicationStatus.SENT)

    assert ("PENDING", True) == (status(store, "a/1"), bool(store.tables.rows["a/1"].communication.error_message))


async def test_what_was_delivered_is_settled_although_the_bus_goes_away_before_the_next_claim(
    relaying, queue, publisher, store, recorded
):
    queue("a", 1)

    def is_the_last(event):
        if event.is_event:
            recorded.set()
            asyncio.get_running_loop().call_soon(publisher.disconnect)
        return False

    publisher.holds = is_the_last
    async with relaying():
        await until(lambda: all_sent(store), within_s=2)
        publisher.reconnect()
        await time_passes(60)

    assert ["a/1"] == published(publisher)


async def test_a_refusal_of_the_broker_is_recorded_with_its_reason(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.holds = holding("a/1")

    async with relaying():
        await until(lambda: publisher.outstanding)
        publisher.outstanding[0].future.set_exception(BusUnavailable("quota exceeded (0x97)"))
        await until(lambda: store.tables.attempts)

    assert "quota exceeded (0x97)" == store.tables.attempts[0].error
