"""Silences in the pipeline: recorded and counted, nobody told; and looked at again when the silence is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.domain.noise import Silence
from axion_bus.domain.rules import default_rule, parse_matcher
from axion_bus.pipeline.silences import SilenceEnds
from axion_bus.pipeline.timers import Timers
from tests.fakes import NOON, LoopClock, time_passes
from tests.fakes.outbox import rows

HOUR = timedelta(hours=1)
SLOW = {"title": "API slow", "severity": "HIGH", "package": "WEBAPI"}


def a_silence(guid="s", condition="package = WEBAPI", **given):
    return Silence(guid=guid, matchers=(parse_matcher(condition),), **{"ends_at": NOON + HOUR, **given})


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def silence(store):
    """Puts a silence into the table."""

    def put(*given, **more):
        silence = a_silence(*given, **more)
        store.tables.silences[silence.guid] = silence

    return put


@pytest.fixture
def timing(parts, recorded, running, stop, outbox):
    def run(*standing):
        ends = SilenceEnds(outbox=outbox, rules=(default_rule(),), standing=standing)
        return running(Timers(**parts, recorded=recorded, silence_ends=ends).run(stop))

    return run


def told(store):
    return [row.recipient.removeprefix("axion/events/") for row in rows(store, Direction.OUTBOUND)]


async def test_a_silenced_alert_is_a_received_row_that_names_the_silence_and_nothing_else(accept, bus, store, silence):
    silence()

    await accept(bus.message(SLOW))
    await accept(bus.message(SLOW))

    first, second = rows(store)
    assert (CommunicationStatus.RECEIVED, None) == (first.status, first.incident_guid)
    assert {"reason": "silenced", "rule": "default", "silence": "s"} == first.metadata == second.metadata
    assert [(2, "s")] == [(alert.count, alert.silenced_by) for alert in store.tables.alerts.values()]
    assert ({}, []) == (store.tables.incidents, told(store))


async def test_a_silence_of_the_configuration_silences_too_and_is_named_first(make_recorder, bus, store, stop, silence):
    silence()
    recorder = make_recorder(silences=(a_silence("standing"),))

    await recorder.record([bus.message(SLOW)], stop)

    assert ["standing"] == [row.metadata["silence"] for row in rows(store)]


@pytest.mark.parametrize(
    "given", [{"starts_at": NOON + HOUR, "ends_at": NOON + 2 * HOUR}, {"ends_at": NOON}, {"condition": "package = OTHER"}]
)
async def test_a_silence_that_is_not_active_or_does_not_match_silences_nothing(accept, bus, store, silence, given):
    silence(**given)

    await accept(bus.message(SLOW))

    assert ["opened"] == [row.metadata["reason"] for row in rows(store)]


async def test_a_silenced_alert_of_an_open_incident_is_linked_and_recorded_with_it(accept, bus, store, silence):
    await accept(bus.message(SLOW))
    silence()

    await accept(bus.message({**SLOW, "source": "web-2", "severity": "CRITICAL"}))

    [incident] = store.tables.incidents.values()
    assert [incident.guid] * 2 == [row.incident_guid for row in rows(store)]
    assert (2, "HIGH") == (len(store.tables.links), incident.severity.name)
    assert ["incident/created", "incident/alert-linked"] == told(store)


async def test_when_a_silence_ends_by_time_what_fires_still_opens_its_incident(accept, bus, store, silence, timing):
    silence(ends_at=NOON + timedelta(seconds=30))
    await accept(bus.message(SLOW))

    async with timing():
        await time_passes(29)
        assert {} == store.tables.incidents
        await time_passes(2)

    [incident], [alert] = store.tables.incidents.values(), store.tables.alerts.values()
    assert (incident.guid, 1, None) == (alert.incident_guid, alert.count, alert.silenced_by)
    assert ["incident/created"] == told(store)
    assert ["CREATED", "ALERT_LINKED"] == [entry.event for entry in store.tables.timeline]
    assert [(incident.guid, alert.guid)] == list(store.tables.links)


async def test_when_a_silence_is_expired_what_fires_still_is_looked_at_within_a_second(accept, bus, store, silence, timing):
    silence()
    await accept(bus.message(SLOW))

    async with timing():
        await time_passes(5)
        silence(ends_at=NOON)
        await time_passes(1.1)

    assert 1 == len(store.tables.incidents)


async def test_when_a_silence_is_gone_from_the_configuration_what_fires_still_is_looked_at(make_recorder, bus, store, stop, timing):
    await make_recorder(silences=(a_silence("standing"),)).record([bus.message(SLOW)], stop)

    async with timing(a_silence("standing")):
        await time_passes(2)
        assert {} == store.tables.incidents
    stop.clear()
    async with timing():
        await time_passes(0.5)

    assert 1 == len(store.tables.incidents)


async def test_the_relay_is_woken_for_what_a_silence_let_go(accept, silence, bus, timing, recorded):
    silence(ends_at=NOON + timedelta(seconds=1))
    await accept(bus.message(SLOW))
    recorded.clear()

    async with timing():
        await time_passes(2)

    assert recorded.is_set()


async def test_what_was_resolved_meanwhile_stays_past(accept, bus, store, silence, timing):
    silence(ends_at=NOON + timedelta(seconds=1))
    await accept(bus.message(SLOW), bus.message({**SLOW, "status": "resolved"}))

    async with timing():
        await time_passes(5)

    assert {} == store.tables.incidents


async def test_what_another_silence_matches_stays_silenced_and_is_looked_at_once(accept, bus, store, silence, timing):
    silence(ends_at=NOON + timedelta(seconds=1))
    silence("other")
    await accept(bus.message(SLOW))

    async with timing():
        await time_passes(5)

    assert ({}, ["other"]) == (store.tables.incidents, [alert.silenced_by for alert in store.tables.alerts.values()])


async def test_many_alerts_of_one_key_share_one_incident_when_their_silence_ends(accept, bus, store, silence, timing):
    silence(ends_at=NOON + timedelta(seconds=1))
    await accept(*(bus.message({**SLOW, "source": f"web-{number}"}) for number in range(450)))

    async with timing():
        await time_passes(2)

    [incident] = store.tables.incidents.values()
    assert (450, {incident.guid}) == (len(store.tables.links), {alert.incident_guid for alert in store.tables.alerts.values()})
    assert list(range(1, 451)) == [row.sequence for row in rows(store, Direction.OUTBOUND)]


async def test_when_a_silence_ends_the_severity_that_it_held_back_is_told(accept, bus, store, silence, timing):
    await accept(bus.message(SLOW))
    silence(ends_at=NOON + timedelta(seconds=1))
    await accept(bus.message({**SLOW, "severity": "CRITICAL"}))

    async with timing():
        await time_passes(2)

    assert ["CRITICAL"] == [incident.severity.name for incident in store.tables.incidents.values()]
    assert ["incident/created", "incident/severity-changed"] == told(store)
    assert "silence_ended" == rows(store, Direction.OUTBOUND)[-1].metadata["reason"]


async def test_a_silence_that_cannot_be_read_silences_nothing(accept, bus, store, silence):
    silence(fault="unreadable")
    store.tables.silences["s"] = replace(store.tables.silences["s"], matchers=())

    await accept(bus.message(SLOW))

    assert 1 == len(store.tables.incidents)


async def test_a_silenced_alert_that_still_fires_where_it_was_only_looked_up_is_not_counted_again(accept, bus, store, silence):
    silence()
    failed = {"title": "API slow", "severity": "HIGH", "package": "WEBAPI"}

    await accept(bus.message(failed, is_state=True), bus.message(failed, is_state=True, is_reading=True))

    assert ["silenced"] == [row.metadata["reason"] for row in rows(store)]
    assert [1] == [each.count for each in store.tables.alerts.values()]


async def test_that_an_alert_is_silenced_now_is_recorded_where_it_was_only_looked_up_and_not_counted(accept, bus, store, silence):
    failed = {"title": "API slow", "severity": "HIGH", "package": "WEBAPI"}
    await accept(bus.message(failed, is_state=True))
    silence()

    await accept(bus.message(failed, is_state=True, is_reading=True))

    assert ["opened", "silenced"] == [row.metadata["reason"] for row in rows(store)]
    assert [(1, "s")] == [(each.count, each.silenced_by) for each in store.tables.alerts.values()]
