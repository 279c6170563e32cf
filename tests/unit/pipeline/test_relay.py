"""The outbox onto the bus: in order for each incident, settled by the broker's acknowledgement, tried again until it succeeds."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.errors import BusUnavailable
from axion_bus.pipeline.mirror import Mirror
from axion_bus.pipeline.relay import CLAIM_LIMIT, Relay, RelaySettings
from axion_bus.ports import Changes
from tests.builders import an_incident
from tests.fakes import NOON, LoopClock, Row, time_passes, until


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def make_relay(store, publisher, clock, progress, recorded):
    def make(**settings):
        return Relay(
            store=store,
            publisher=publisher,
            mirror=Mirror(store=store, publisher=publisher, base_topic="axion"),
            clock=clock,
            settings=RelaySettings(**{"owner": "test", **settings}),
            progress=progress,
            wake=recorded,
        )

    return make


@pytest.fixture
def relaying(make_relay, running, stop, recorded):
    return lambda **settings: running(make_relay(**settings).run(stop), recorded.set)


@pytest.fixture
def queue(store):
    """Queues events as a transaction does: ``queue("a", 3)`` makes a/1, a/2 and a/3, each with its incident."""

    def queue(incident, events, message=None):
        if incident not in store.tables.incidents:
            store.tables.incidents[incident] = an_incident(guid=incident)
        shown = {"data": {"incident": {"incident_guid": incident, "version": 1}}}
        for sequence in range(1, events + 1):
            row = Communication(
                guid=f"{incident}/{sequence}",
                short_ref=f"REF-{incident}-{sequence}",
                channel=Channel.MQTT,
                direction=Direction.OUTBOUND,
                status=CommunicationStatus.PENDING,
                message=message or json.dumps({"id": f"{incident}/{sequence}", **shown}),
                recipient="axion/events/incident/created",
                timestamp=NOON,
                metadata={},
                incident_guid=incident,
                sequence=sequence,
                next_attempt_at=NOON,
            )
            store.tables.rows[row.guid] = Row(row)

    return queue


def published(publisher):
    return [event.data["id"] for event in publisher.events]


def status(store, guid):
    return store.tables.rows[guid].communication.status


def all_sent(store):
    return all(row.communication.status is CommunicationStatus.SENT for row in store.tables.rows.values())


def holding(*ids):
    """A broker that does not acknowledge the events ``ids``."""
    return lambda published: published.is_event and published.data["id"] in ids


async def test_what_is_queued_is_published_and_settled(relaying, queue, publisher, store):
    queue("a", 1)

    async with relaying():
        await until(lambda: all_sent(store))

    assert ["a/1"] == published(publisher)
    assert [("a/1", 1, None)] == [(each.guid, each.attempt, each.error) for each in store.tables.attempts]
    row = store.tables.rows["a/1"]
    assert (None, None, 1) == (row.communication.next_attempt_at, row.lease_owner, row.attempts)


async def test_an_event_is_published_as_it_was_committed(relaying, queue, publisher, store):
    queue("a", 1)

    async with relaying():
        await until(lambda: all_sent(store))

    [event] = publisher.events
    assert (store.tables.rows["a/1"].communication.message.encode(), "axion/events/incident/created", False) == (
        event.body,
        event.topic,
        event.retain,
    )


async def test_nothing_is_sent_before_the_broker_has_said_so(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.holds = holding("a/1")

    async with relaying():
        await until(lambda: publisher.outstanding)
        assert status(store, "a/1") is CommunicationStatus.PENDING
        publisher.acknowledge(publisher.outstanding[0])
        await until(lambda: all_sent(store))


async def test_of_one_incident_an_event_is_published_after_the_one_before_it_was_acknowledged(relaying, queue, publisher, store):
    queue("a", 4)
    publisher.holds = holding("a/1", "a/2", "a/3", "a/4")

    async with relaying():
        for number in range(1, 5):
            await until(lambda: publisher.outstanding)
            await time_passes(0.1)
            assert [f"a/{number}"] == [each.data["id"] for each in publisher.outstanding]
            publisher.acknowledge(publisher.outstanding[0])
        await until(lambda: all_sent(store))


async def test_incidents_do_not_wait_for_each_other(relaying, queue, publisher):
    queue("a", 2)
    queue("b", 2)
    publisher.holds = lambda published: published.is_event

    async with relaying():
        await until(lambda: publisher.outstanding)
        assert {"a/1", "b/1"} == set(published(publisher))


async def test_no_more_is_outstanding_than_may_be(relaying, queue, publisher):
    for number in range(7):
        queue(f"incident-{number}", 1)
    publisher.holds = lambda published: published.is_event

    async with relaying(max_outstanding=3):
        await until(lambda: publisher.outstanding)
        await time_passes(1)
        assert len(publisher.outstanding) == 3


async def test_a_late_acknowledgement_holds_up_no_other_incident(relaying, queue, publisher):
    for number in range(7):
        queue(f"incident-{number}", 2)
    publisher.holds = holding("incident-0/1")

    async with relaying(max_outstanding=3):
        await until(lambda: len(published(publisher)) >= 13, within_s=1)
        assert ["incident-0/1"] == [each.data["id"] for each in publisher.outstanding]


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


async def test_rows_of_this_process_are_published_at_once(relaying, queue, publisher, recorded):
    async with relaying():
        await time_passes(10.1)
        queue("a", 1)
        recorded.set()
        await time_passes(0.01)

        assert ["a/1"] == published(publisher)


async def test_rows_of_other_processes_are_published_within_a_second(relaying, queue, publisher):
    async with relaying():
        await time_passes(10.1)
        queue("a", 1)
        await time_passes(0.99)

        assert ["a/1"] == published(publisher)


async def test_while_the_broker_is_away_nothing_is_claimed(relaying, queue, publisher, store):
    queue("a", 1)
    publisher.is_connected = False

    async with relaying():
        await time_passes(60)
        assert (None, 0, 0) == (store.tables.rows["a/1"].lease_owner, store.tables.rows["a/1"].attempts, publisher.calls)
        publisher.reconnect()
        await until(lambda: all_sent(store), within_s=1)


async def test_after_a_connection_the_state_of_open_incidents_is_shown_before_any_event(relaying, queue, publisher, store):
    store.tables.incidents["quiet"] = an_incident(guid="quiet")

    async with relaying():
        await until(lambda: publisher.sent)
        publisher.disconnect()
        await time_passes(1)
        publisher.sent.clear()
        queue("a", 1)
        publisher.reconnect()
        await until(lambda: all_sent(store))

    assert ["axion/incidents/a/state", "axion/incidents/quiet/state"] == [each.topic for each in publisher.sent][:2]


async def test_a_backlog_is_worked_off_without_a_pause(relaying, queue, publisher, store):
    for number in range(2 * CLAIM_LIMIT + 100):
        queue(f"incident-{number}", 1)

    async with relaying(max_outstanding=10_000):
        await until(lambda: all_sent(store), within_s=0.1)

    assert len(publisher.events) == 2 * CLAIM_LIMIT + 100


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


async def test_what_is_queued_while_events_are_sent_is_claimed_with_their_settling(relaying, queue, publisher, store, recorded):
    queue("a", 1)

    def queues_another(event):
        if event.is_event and len(publisher.events) < 5:
            queue(f"b-{len(publisher.events)}", 1)
            recorded.set()
        return False

    publisher.holds = queues_another
    async with relaying():
        await until(lambda: len(publisher.events) == 5, within_s=0.1)
        await until(lambda: all_sent(store), within_s=0.1)

    assert (5, {1}) == (len(store.tables.attempts), set(Counter(published(publisher)).values()))
    assert 1 == store.settled_alone


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


async def test_an_event_finds_its_incidents_state_on_the_bus(relaying, queue, publisher, store):
    async with relaying():
        await time_passes(1)
        queue("a", 2)
        await until(lambda: all_sent(store))

    topics = [each.topic for each in publisher.sent if "summary" not in each.topic]
    assert ["axion/incidents/a/state", "axion/events/incident/created"] * 2 == topics[-4:]
    assert {"incident_guid": "a", "version": 1} == json.loads(publisher.retained["axion/incidents/a/state"])


async def test_what_concerns_no_incident_is_published_too(relaying, queue, publisher, store):
    queue("a", 2, json.dumps({"id": "x", "data": {"alert": {}}}))
    for guid, row in store.tables.rows.items():
        store.tables.rows[guid] = Row(replace(row.communication, incident_guid=None, sequence=None))

    async with relaying():
        await until(lambda: all_sent(store))

    assert ["x", "x"] == published(publisher)


async def test_every_event_of_a_flood_is_published_once_and_in_order(relaying, queue, publisher, store):
    for number in range(20):
        queue(f"incident-{number:02}", 30)

    async with relaying():
        await until(lambda: all_sent(store))

    assert {1} == set(Counter(published(publisher)).values())
    for number in range(20):
        of_one = [each for each in published(publisher) if each.startswith(f"incident-{number:02}/")]
        assert [f"incident-{number:02}/{sequence}" for sequence in range(1, 31)] == of_one


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


async def test_the_summary_follows_the_events(relaying, queue, publisher, store):
    async with relaying():
        await time_passes(1.1)
        store.tables.apply(Changes(new_incidents=[an_incident(guid="a")]))
        queue("a", 1)
        await time_passes(2)

    assert {"CREATED": 1} == json.loads(publisher.retained["axion/summary"])["status"]


async def test_under_a_flood_the_summary_is_kept_up(relaying, queue, publisher, store):
    queue("a", 1)

    def goes_on_and_on(event):
        if event.is_event:
            queue(f"incident-{len(publisher.events)}", 1)
            asyncio.get_running_loop().call_later(0.1, publisher.acknowledge, event)
        return event.is_event

    publisher.holds = goes_on_and_on

    async with relaying():
        await time_passes(10)
        publisher.holds = holding()

    summaries = [each for each in publisher.sent if each.topic == "axion/summary"]
    assert 9 <= len(summaries) <= 12
