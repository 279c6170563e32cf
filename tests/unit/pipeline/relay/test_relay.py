"""The outbox onto the bus: in order for each incident, settled by the broker's acknowledgement, the states beside it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

from axion_bus.domain.communication import CommunicationStatus
from axion_bus.pipeline.relay import CLAIM_LIMIT
from axion_bus.ports import Changes
from tests.builders import an_incident
from tests.fakes import Row, time_passes, until
from tests.fakes.outbox import all_sent, holding, published, status


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
