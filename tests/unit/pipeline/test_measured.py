"""What the pipeline tells its meter: each alert once, by its source and its reason; each attempt to send; each gap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel
from axion_bus.domain.delivery import Manner, Patience
from axion_bus.errors import DeliveryFailed
from axion_bus.formats import FormatName, decoder
from axion_bus.pipeline.decode import Source, Sources
from axion_bus.pipeline.delivery import Dispatch
from axion_bus.pipeline.gaps import Gaps
from axion_bus.ports import Answered, Slot
from axion_bus.telemetry.figures import Figures
from tests.builders import a_page
from tests.fakes import NOON, FakeChannel, time_passes, until

NATIVE = decoder(FormatName.NATIVE, None)
SOURCE = "axion/alerts/#"


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
def recorder(make_recorder, figures):
    return make_recorder(meter=figures)


def counted(figures):
    """What was counted of alerts."""
    return {each: number for each, number in figures.alerts.items() if number}


async def test_an_alert_counts_by_its_source_and_its_reason(accept, bus, figures):
    alert = {"title": "API slow", "severity": "HIGH"}

    await accept(bus.message(alert), bus.message(alert), bus.message({"title": "Disk full", "severity": "LOW"}))

    assert {(SOURCE, "opened"): 1, (SOURCE, "repeated"): 1, (SOURCE, "below_create_at"): 1} == counted(figures)


async def test_every_alert_of_a_message_counts(accept, bus, figures):
    await accept(bus.message([{"title": "a", "severity": "HIGH"}, {"title": "b", "severity": "HIGH"}, {"nothing": 1}]))

    assert {(SOURCE, "opened"): 2, (SOURCE, "refused"): 1} == counted(figures)
    assert 1 == figures.refused["missing_field"]


async def test_what_comes_again_counts_as_that(accept, bus, figures):
    await accept(*(bus.message({"id": "7", "title": "API slow"}) for _ in range(2)))

    assert {(SOURCE, "below_create_at"): 1, (SOURCE, "already_accepted"): 1} == counted(figures)


async def test_a_message_that_our_own_code_cannot_record_counts_as_refused(accept, bus, figures, store):
    store.refuses = lambda changes: any("poison" in row.message for row in changes.communications)

    await accept(bus.message({"title": "API slow"}), bus.message({"title": "poison"}))

    assert {(SOURCE, "below_create_at"): 1, (SOURCE, "refused"): 1} == counted(figures)
    assert 1 == figures.refused["internal"]


async def test_the_source_is_the_configured_one_whatever_the_topic(make_recorder, bus, figures, stop):
    sources = Sources(
        [Source(topic_filter=topic, decode=NATIVE) for topic in ("sensors/+/alarm", "axion/#")],
        base_topic="axion",
        instance="test",
        max_payload_bytes=1000,
        signals={"dbus.sources[0]": Source(topic_filter="", decode=NATIVE)},
    )
    from_dbus = {"address": "/org/axion/Bus1", "channel": Channel.DBUS}
    messages = [
        *(bus.message({"title": "x"}, address=f"sensors/{number}/alarm") for number in range(5000)),
        bus.message({"title": "x"}, address="axion/alerts/web"),
        bus.message({"title": "x"}, **from_dbus),
        bus.message({"title": "x"}, source="dbus.sources[0]", **from_dbus),
    ]

    await make_recorder(meter=figures, sources=sources).record(messages, stop)

    assert {"sensors/+/alarm": 5000, "axion/#": 1, "dbus": 1, "dbus.sources[0]": 1} == by_source(figures)
    assert ["sensors/+/alarm", "axion/#", "dbus.sources[0]"] == sources.names


def by_source(figures):
    found = {}
    for (source, _), number in counted(figures).items():
        found[source] = found.get(source, 0) + number
    return found


async def test_nothing_that_a_payload_says_makes_another_series(accept, bus, figures):
    figures.expect([SOURCE], [])
    before = len(figures.alerts), len(figures.refused), len(figures.requests)
    bodies = [
        {"title": str(n), "source": f"host-{n}", "package": f"P{n}", "labels": {"a": str(n)}, "id": str(n)} for n in range(200)
    ]
    bodies += [{"title": "x", "status": f"status-{n}"} for n in range(50)]

    await accept(*(bus.message(body, address=f"axion/alerts/{n}/{n}") for n, body in enumerate(bodies)))

    assert before == (len(figures.alerts), len(figures.refused), len(figures.requests))
    assert 250 == sum(figures.alerts.values())


class Carries:
    """``ports.Requests``: carries out whatever comes; its row says ``command``."""

    def wants(self, received):
        return True

    async def answer(self, transaction, received, guid, now):
        return Answered([a_page(guid, metadata={"reason": "command"})], {"status": "ok"})

    def apology(self, received, now):
        return []


async def test_a_request_counts_by_what_became_of_it_and_is_no_alert(make_recorder, bus, figures, stop):
    await make_recorder(meter=figures, requests=Carries()).record([bus.message(b"{}")], stop)

    assert ({}, 1) == (counted(figures), figures.requests["command"])


async def test_the_latency_is_from_the_arrival_to_the_acknowledgement(accept, bus, figures, clock):
    clock.advance(seconds=2)

    await accept(bus.message({"title": "a"}), bus.message({"title": "b"}, received_at=NOON + timedelta(seconds=1.5)))

    assert (2, 2.5) == (sum(figures.accepted_s.counts), figures.accepted_s.total)


async def test_a_batch_counts_by_its_messages(accept, bus, figures):
    await accept(*(bus.message({"title": str(number)}) for number in range(30)))

    assert (1, 30.0) == (sum(figures.batches.counts), figures.batches.total)


async def test_what_was_not_written_has_not_counted_until_it_is(recording, intake, deliver, figures, store):
    store.is_away = True

    async with recording():
        deliver({"title": "API slow"})
        await time_passes(1)
        while_away = counted(figures)
        store.is_away = False
        await until(lambda: not intake.held)

    assert ({}, {(SOURCE, "below_create_at"): 1}) == (while_away, counted(figures))


def test_the_oldest_message_that_is_held_is_known(intake, bus):
    first, second = (bus.message(b"x", received_at=NOON + timedelta(seconds=n)) for n in range(2))
    ages = [intake.oldest_at]
    for message in (first, second):
        intake.deliver(message)
        ages.append(intake.oldest_at)
    for message in (first, second):
        intake.done([message])
        ages.append(intake.oldest_at)

    assert [None, NOON, NOON, NOON + timedelta(seconds=1), None] == ages


def test_how_much_is_held_and_whether_the_buses_are_held_back_is_known(intake, bus):
    messages = [bus.message(b"abc") for _ in range(2000)]
    for message in messages:
        intake.deliver(message)

    assert (2000, 6000, True) == (intake.held, intake.held_bytes, intake.is_paused)

    intake.done(messages)
    assert (0, 0, False) == (intake.held, intake.held_bytes, intake.is_paused)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([], "sent"),
        ([DeliveryFailed("503")], "postponed"),
        ([DeliveryFailed("401", is_permanent=True)], "refused"),
    ],
)
async def test_an_attempt_to_tell_somebody_counts_by_how_it_ended(send, put, figures, answers, status):
    put(a_page())

    await send(FakeChannel(*answers, takes_s=0.75), meter=figures)

    assert {("SLACK", status): 1} == dict(figures.sends)
    assert 0.75 == figures.sends_s["SLACK"].total


async def test_what_is_not_tried_again_counts_as_given_up(send, put, figures):
    put(a_page())

    await send(FakeChannel(DeliveryFailed("503")), meter=figures, patience=Patience(budget=timedelta(0)))

    assert {("SLACK", "given_up"): 1} == dict(figures.sends)


async def test_what_somebody_else_sent_meanwhile_does_not_count(make_deliveries, claim, put, figures, store):
    put(a_page())
    dispatch = Dispatch(name=Channel.SLACK, manner=Manner(), rows=await claim())
    await store.release("me")

    await make_deliveries(meter=figures).deliver(FakeChannel(), dispatch)

    assert {} == dict(figures.sends)


async def test_a_gap_counts_by_its_reason(parts, figures):
    slot = Slot(client_id="axion-bus-test", subscribed_at=NOON, broker_dropped=100)
    gaps = Gaps(slot=slot, meter=figures, **parts)

    gaps.told_session(present=False, filters=[])
    gaps.told_dropped(103)

    assert (1, 1) == (figures.gaps["session_lost"], figures.gaps["broker_dropped"])
