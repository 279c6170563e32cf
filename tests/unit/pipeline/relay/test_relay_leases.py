"""What a daemon holds that stops, dies or loses its connection, and what another one takes up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel
from tests.fakes import NOON, time_passes, until
from tests.fakes.outbox import all_sent, holding, published, status


async def test_a_stop_begins_nothing_new(relaying, queue, publisher, store):
    queue("a", 30)

    def acknowledges_later(event):
        if event.is_event:
            asyncio.get_running_loop().call_later(0.5, publisher.acknowledge, event)
        return event.is_event

    publisher.holds = acknowledges_later

    async with relaying():
        await until(lambda: publisher.outstanding)

    assert (["a/1"], "SENT", 0) == (published(publisher), status(store, "a/1"), store.tables.rows["a/2"].attempts)


async def test_what_is_under_way_when_the_connection_is_lost_is_published_again(relaying, queue, publisher, store):
    queue("a", 3)
    publisher.holds = holding("a/2")

    async with relaying():
        await until(lambda: publisher.outstanding)
        publisher.disconnect()
        await time_passes(1)
        assert [None, None] == [store.tables.rows[guid].lease_owner for guid in ("a/2", "a/3")]
        publisher.holds = holding()
        publisher.reconnect()
        await until(lambda: all_sent(store))

    assert ["a/1", "a/2", "a/2", "a/3"] == published(publisher)


@pytest.mark.parametrize("claimed_at", [0, 400])
async def test_what_was_claimed_by_this_daemon_before_it_died_is_published_at_once(relaying, queue, publisher, store, claimed_at):
    queue("a", 1)
    await store.claim(Channel.MQTT, owner="test", now=NOON, lease_until=NOON + timedelta(seconds=claimed_at + 30), limit=10)

    async with relaying():
        await until(lambda: all_sent(store), within_s=0.1)

    assert ["a/1"] == published(publisher)


async def test_what_another_daemon_has_claimed_is_left_to_it_until_its_lease_is_over(relaying, queue, publisher, store):
    queue("a", 1)
    await store.claim(Channel.MQTT, owner="other", now=NOON, lease_until=NOON + timedelta(seconds=30), limit=10)

    async with relaying():
        await time_passes(29)
        assert [] == published(publisher)
        await until(lambda: all_sent(store), within_s=3)


async def test_a_lease_is_never_outlived(relaying, queue, publisher, store, clock):
    queue("a", 12)
    left = []

    def acknowledges_slowly(event):
        if event.is_event:
            left.append(store.tables.rows[event.data["id"]].lease_until - clock.now())
            asyncio.get_running_loop().call_later(6, publisher.acknowledge, event)
        return event.is_event

    publisher.holds = acknowledges_slowly

    async with relaying(attempt_timeout_s=10, lease=timedelta(seconds=30)):
        await until(lambda: all_sent(store), within_s=120)

    assert min(left) >= timedelta(seconds=10)
    assert [f"a/{number}" for number in range(1, 13)] == published(publisher)


async def test_a_stop_settles_what_is_acknowledged_and_releases_the_rest(relaying, queue, publisher, store):
    queue("a", 3)
    queue("b", 1)
    publisher.holds = holding("a/2")
    loop = asyncio.get_running_loop()

    async with relaying(attempt_timeout_s=60, lease=timedelta(seconds=120)):
        await until(lambda: publisher.outstanding)
        stopped_at = loop.time()

    assert loop.time() - stopped_at <= 1
    assert ["SENT", "SENT"] == [status(store, "a/1"), status(store, "b/1")]
    assert [("PENDING", None)] * 2 == [(status(store, guid), store.tables.rows[guid].lease_owner) for guid in ("a/2", "a/3")]


async def test_a_stop_releases_what_could_not_be_settled(relaying, queue, publisher, store):
    queue("a", 1)

    def loses_the_database(event):
        store.is_away = event.is_event
        return False

    publisher.holds = loses_the_database

    async with relaying():
        await until(lambda: publisher.events)
        await time_passes(0.1)
        store.is_away = False

    assert ("PENDING", None) == (status(store, "a/1"), store.tables.rows["a/1"].lease_owner)


async def test_a_stop_while_the_database_is_away_leaves_the_leases_to_expire(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.holds = holding("a/1")

    async with relaying() as worker:
        await until(lambda: publisher.outstanding)
        store.is_away = True

    assert (True, "test") == (worker.done(), store.tables.rows["a/1"].lease_owner)


async def test_two_daemons_publish_the_events_of_an_incident_in_order(relaying, queue, publisher, store):
    for number in range(5):
        queue(f"incident-{number}", 20)
    owners = set()

    def acknowledges_later(event):
        if event.is_event:
            owners.add(store.tables.rows[event.data["id"]].lease_owner)
            asyncio.get_running_loop().call_later(0.2, publisher.acknowledge, event)
        return event.is_event

    publisher.holds = acknowledges_later
    short = {"attempt_timeout_s": 1, "lease": timedelta(seconds=2)}

    async with relaying(**short), relaying(owner="other", **short):
        await until(lambda: all_sent(store))

    assert {"test", "other"} == owners
    for number in range(5):
        of_one = [each for each in published(publisher) if each.startswith(f"incident-{number}/")]
        assert [f"incident-{number}/{sequence}" for sequence in range(1, 21)] == of_one
