"""The retained topics show what the database has: whole after each connection, the summary once a second, no more than that."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.incident import CloseReason, close, reopen
from axion_bus.errors import BusUnavailable, StoreUnavailable
from axion_bus.pipeline.mirror import Mirror
from axion_bus.ports import Outgoing
from tests.builders import an_incident
from tests.fakes import NOON


@pytest.fixture
def mirror(store, publisher):
    return Mirror(store=store, publisher=publisher, base_topic="axion")


def put(store, *incidents):
    store.tables.incidents.update((incident.guid, incident) for incident in incidents)


def states(publisher):
    return {
        topic.split("/")[2]: json.loads(body) for topic, body in publisher.retained.items() if topic.startswith("axion/incidents/")
    }


def summaries(publisher):
    return [each.data for each in publisher.sent if each.topic == "axion/summary"]


async def test_after_a_connection_the_state_of_every_open_incident_is_published(mirror, store, publisher):
    closed = close(an_incident(guid="closed"), CloseReason.RESOLVED, NOON)
    put(store, closed, *(an_incident(guid=f"incident-{number:03}", version=number) for number in range(250)))

    await mirror.resynchronise()

    shown = states(publisher)
    assert {f"incident-{number:03}": number for number in range(250)} == {guid: each["version"] for guid, each in shown.items()}
    assert all(each.retain for each in publisher.sent)


async def test_once_for_each_connection(mirror, store, publisher):
    put(store, an_incident())

    await mirror.resynchronise()
    await mirror.resynchronise()
    assert len(publisher.sent) == 1
    publisher.reconnect()
    await mirror.resynchronise()

    assert len(publisher.sent) == 2


async def test_what_changes_while_it_is_published_is_published_again(mirror, store, publisher):
    put(store, an_incident(version=1))

    def changes_once(_published):
        put(store, an_incident(version=2))
        return False

    publisher.holds = changes_once
    await mirror.resynchronise()

    assert [1, 2] == [each.data["version"] for each in publisher.sent]


async def test_what_changes_all_the_time_does_not_hold_up_the_relay(mirror, store, publisher):
    put(store, an_incident(version=1))

    def changes(published):
        put(store, an_incident(version=published.data["version"] + 1))
        return False

    publisher.holds = changes
    await mirror.resynchronise()

    assert 2 <= len(publisher.sent) <= 10


async def test_what_is_opened_all_the_time_does_not_hold_up_the_relay(mirror, store, publisher):
    put(store, *(an_incident(guid=f"incident-{number:06}") for number in range(300)))

    def opens_another(_published):
        if len(publisher.sent) < 5000:
            put(store, an_incident(guid=f"incident-{1000 + len(publisher.sent):06}"))
        return False

    publisher.holds = opens_another
    await mirror.resynchronise()

    assert {f"incident-{number:06}" for number in range(300)} == states(publisher).keys()


async def test_a_connection_that_is_lost_meanwhile_is_not_taken_for_done(mirror, store, publisher):
    put(store, an_incident())
    publisher.holds = lambda _published: True
    async with asyncio.TaskGroup() as group:
        task = group.create_task(refused(mirror.resynchronise()))
        await asyncio.sleep(1)
        publisher.disconnect()
    assert "not published" in task.result()

    publisher.holds = lambda _published: False
    publisher.is_connected = True
    await mirror.resynchronise()

    assert ["incident-1"] == list(states(publisher))


async def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever(mirror, store, publisher):
    put(store, an_incident())
    publisher.holds = lambda _published: True

    assert "no acknowledgement in time" in await refused(mirror.resynchronise())
    assert publisher.sent[0].future.cancelled()


async def refused(work):
    with pytest.raises(BusUnavailable) as refusal:
        await work
    return str(refusal.value)


async def test_the_summary_counts_what_is_open(mirror, store, publisher):
    put(store, an_incident(guid="a"), an_incident(guid="b", package="CACHE", status="MONITORING"))
    put(store, close(an_incident(guid="c"), CloseReason.RESOLVED, NOON))

    await mirror.refresh(NOON)

    expected = {"status": {"CREATED": 1, "MONITORING": 1}, "severity": {"HIGH": 2}, "package": {"WEBAPI": 1, "CACHE": 1}}
    assert expected == json.loads(publisher.retained["axion/summary"])


async def test_the_summary_is_published_once_a_second_at_most(mirror, publisher):
    for tenth in range(30):
        mirror.changed = True
        await mirror.refresh(NOON + timedelta(seconds=tenth / 10))

    assert len(summaries(publisher)) == 3


async def test_the_summary_is_not_published_when_nothing_has_changed(mirror, publisher):
    for second in range(10):
        await mirror.refresh(NOON + timedelta(seconds=second))

    assert len(summaries(publisher)) == 1


async def test_a_change_within_the_second_is_summed_up_after_it(mirror, publisher):
    await mirror.refresh(NOON)
    mirror.changed = True
    await mirror.refresh(NOON + timedelta(seconds=0.5))

    await mirror.refresh(NOON + timedelta(seconds=1))

    assert len(summaries(publisher)) == 2


@pytest.mark.parametrize("fault", ["store", "bus"])
async def test_a_summary_that_could_not_be_published_is_published_later(mirror, store, publisher, fault):
    store.is_away, publisher.is_connected = fault == "store", fault != "bus"
    with pytest.raises((StoreUnavailable, BusUnavailable)):
        await mirror.refresh(NOON)
    store.is_away, publisher.is_connected = False, True

    await mirror.refresh(NOON + timedelta(seconds=1))

    assert len(summaries(publisher)) == 1


async def test_a_clock_that_goes_back_does_not_stop_the_summary(mirror, publisher):
    await mirror.refresh(NOON)
    mirror.changed = True

    await mirror.refresh(NOON - timedelta(hours=1))

    assert len(summaries(publisher)) == 2


async def test_the_summary_is_published_anew_after_a_connection(mirror, publisher):
    await mirror.resynchronise()
    await mirror.refresh(NOON)
    publisher.reconnect()

    await mirror.resynchronise()
    await mirror.refresh(NOON + timedelta(seconds=1))

    assert len(summaries(publisher)) == 2


async def test_the_state_of_what_was_closed_an_hour_ago_is_emptied(mirror, store, publisher):
    incidents = [an_incident(guid=f"incident-{number:03}") for number in range(150)]
    put(store, *incidents)
    await mirror.resynchronise()
    put(store, *(close(incident, CloseReason.RESOLVED, NOON) for incident in incidents[:120]))

    await mirror.refresh(NOON + timedelta(minutes=59))
    assert len(states(publisher)) == 150
    await mirror.refresh(NOON + timedelta(minutes=60))

    assert {incident.guid for incident in incidents[120:]} == set(states(publisher))
    assert {incident.guid for incident in incidents[:120]} == store.tables.cleared


async def test_what_could_not_be_emptied_is_emptied_later(mirror, store, publisher):
    put(store, close(an_incident(), CloseReason.RESOLVED, NOON - timedelta(hours=2)))
    publisher.holds = lambda published: published.body == b""
    await refused(mirror.refresh(NOON))
    assert set() == store.tables.cleared
    publisher.holds = lambda _published: False

    await mirror.refresh(NOON + timedelta(minutes=1))

    assert {"incident-1"} == store.tables.cleared


async def test_what_was_reopened_keeps_its_state(mirror, store, publisher):
    put(store, reopen(close(an_incident(), CloseReason.AUTO, NOON - timedelta(hours=3)), NOON))

    await mirror.resynchronise()
    await mirror.refresh(NOON)

    assert ["incident-1"] == list(states(publisher))


def an_event(data):
    return Outgoing("guid", "incident-1", 1, "axion/events/incident/created", json.dumps({"data": data}), 0, {})


async def test_the_state_that_an_event_tells_of_is_shown(mirror, publisher):
    mirror.show(an_event({"incident": {"incident_guid": "incident-1", "version": 7}}))

    assert {"incident-1": {"incident_guid": "incident-1", "version": 7}} == states(publisher)


async def test_an_event_without_an_incident_shows_none(mirror, publisher):
    mirror.show(an_event({"alert": {}}))

    assert [] == publisher.sent


@pytest.mark.parametrize("ends", ["refused", "cancelled"])
async def test_a_state_that_is_not_taken_makes_no_noise(mirror, publisher, ends):
    noise = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context["message"]))
    publisher.holds = lambda _published: True
    mirror.show(an_event({"incident": {"incident_guid": "incident-1"}}))
    if ends == "refused":
        publisher.disconnect()
    else:
        publisher.outstanding[0].future.cancel()
    await asyncio.sleep(0)

    publisher.sent.clear()

    assert [] == noise


async def test_every_state_has_its_version(mirror, store, publisher):
    put(store, replace(an_incident(), version=3))

    await mirror.resynchronise()

    assert states(publisher)["incident-1"]["version"] == 3
