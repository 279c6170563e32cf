"""What a settled message does to its incident, and a page that is given up to its channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from axion_bus.domain.communication import Channel
from axion_bus.domain.delivery import Manner
from axion_bus.domain.incident import IncidentStatus, TimelineEvent
from axion_bus.errors import DeliveryFailed
from axion_bus.ports import Receipt
from tests.builders import a_page, an_incident
from tests.fakes import FakeChannel, LoopClock

TRANSIENT = DeliveryFailed("slack.com answered 503")
PERMANENT = DeliveryFailed("slack.com answered 401: invalid_auth", is_permanent=True)
AMBIGUOUS = DeliveryFailed("slack.com gave no answer within 10 s", is_ambiguous=True)
HOLD = Manner(holds_ambiguous=True)


@pytest.fixture
def clock():
    return LoopClock()


def timeline(store):
    return [(entry.incident_guid, entry.event, entry.description) for entry in store.tables.timeline]


def events(store):
    rows = [row.communication for row in store.tables.rows.values()]
    return [(row.recipient, row.sequence) for row in rows if row.channel == Channel.MQTT]


async def test_a_delivery_is_told_in_the_timeline_and_to_the_bus(send, put, store):
    put(a_page())

    await send(FakeChannel())

    text = "SLACK message REF-page-1 sent to #ops"
    assert [("incident-1", TimelineEvent.NOTIFICATION_SENT, text)] == timeline(store)
    assert [("axion/events/communication/sent", 2)] == events(store)
    assert (2, 2) == (store.tables.incidents["incident-1"].version, store.tables.incidents["incident-1"].sequence)


async def test_a_failure_is_told_when_it_is_the_last(send, put, store):
    put(a_page())

    await send(FakeChannel(PERMANENT))

    text = "SLACK message REF-page-1 to #ops failed: slack.com answered 401: invalid_auth"
    assert ("incident-1", TimelineEvent.NOTIFICATION_FAILED, text) == timeline(store)[0]
    assert ("axion/events/communication/failed", 2) == events(store)[0]


async def test_a_failure_that_is_followed_by_another_attempt_is_not_told(send, put, store):
    put(a_page())

    await send(FakeChannel(TRANSIENT))

    assert ([], [], 1) == (timeline(store), events(store), store.tables.incidents["incident-1"].version)


async def test_a_message_about_no_incident_is_settled_alone(send, put, row, store):
    put(a_page(incident=None))

    await send(FakeChannel())

    assert ("SENT", []) == (row().status.value, timeline(store))


def about_channels(store):
    found = [each for each in store.tables.incidents.values() if each.rule == "axion-bus-channel"]
    return [(each.title, each.severity.name, each.status.value) for each in found]


@pytest.mark.parametrize("failure", [PERMANENT, AMBIGUOUS])
async def test_a_page_that_is_given_up_opens_an_incident_about_its_channel(send, put, store, failure):
    put(a_page())

    await send(FakeChannel(failure), manner=HOLD)

    assert [("Channel SLACK does not deliver", "HIGH", "CREATED")] == about_channels(store)
    assert ("axion/events/incident/created", 1) in events(store)


async def test_an_incident_about_a_channel_is_opened_once(send, put, store):
    for number in range(3):
        put(a_page(f"page-{number}", incident=f"incident-{number}"))
        await send(FakeChannel(PERMANENT))

    assert 1 == len(about_channels(store))


async def test_each_channel_has_an_incident_of_its_own(send, put, store):
    put(a_page(), a_page("page-2", channel=Channel.SMS))

    await send(FakeChannel(PERMANENT))
    await send(FakeChannel(PERMANENT), name=Channel.SMS)

    assert ["Channel SLACK does not deliver", "Channel SMS does not deliver"] == [title for title, *_ in about_channels(store)]


async def test_when_it_was_closed_another_one_is_opened(send, put, store):
    put(a_page())
    await send(FakeChannel(PERMANENT))
    [guid] = [guid for guid, each in store.tables.incidents.items() if each.rule == "axion-bus-channel"]
    closed = replace(store.tables.incidents[guid], status=IncidentStatus.CLOSED)
    store.tables.incidents[guid] = closed
    put(a_page("page-2", incident="incident-2"))

    await send(FakeChannel(PERMANENT))

    assert ["CLOSED", "CREATED"] == [status for _, _, status in about_channels(store)]


async def test_what_was_to_tell_of_a_dead_channel_opens_no_more(send, put, store):
    store.tables.incidents["dead"] = an_incident(guid="dead", rule="axion-bus-channel", title="Channel EMAIL does not deliver")
    put(a_page(incident="dead"))

    await send(FakeChannel(PERMANENT))

    assert [("Channel EMAIL does not deliver", "HIGH", "CREATED")] == about_channels(store)


@pytest.mark.parametrize("occasion", ["report", "answer", None])
async def test_what_is_no_page_opens_none(send, put, store, occasion):
    put(a_page(occasion=occasion))

    await send(FakeChannel(PERMANENT))

    assert [] == about_channels(store)


@pytest.mark.parametrize("given", [TRANSIENT, Receipt()])
async def test_a_channel_that_delivers_or_may_yet_deliver_has_no_incident(send, put, store, given):
    put(a_page())

    await send(FakeChannel(given))

    assert [] == about_channels(store)
