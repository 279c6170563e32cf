"""A request among the alerts: in its turn, in a transaction of its own, once, and never in the way of what is behind it."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.errors import StoreUnavailable
from axion_bus.ports import Answered, Changes
from tests.fakes import NOON, until


class Desk:
    """``ports.Requests``: writes down what was asked and answers with a row for the relay; ``trouble`` is raised instead."""

    def __init__(self):
        self.asked = []
        self.trouble = []

    def wants(self, received):
        return received.address.startswith("axion/request/")

    async def answer(self, transaction, received, guid, now):
        self.asked.append(received.body)
        if self.trouble:
            raise self.trouble.pop(0)
        rows = [a_row(guid, Direction.INBOUND, received), a_row(f"answer to {guid}", Direction.OUTBOUND, received)]
        await transaction.save(Changes(communications=rows))
        return Answered(rows, {"status": "ok"})

    def apology(self, received, now):
        return [a_row("sorry", Direction.OUTBOUND, received)]


def a_row(guid, direction, received):
    status = CommunicationStatus.RECEIVED if direction is Direction.INBOUND else CommunicationStatus.PENDING
    return Communication(
        guid=guid,
        short_ref=f"REF {guid}",
        channel=Channel.MQTT,
        direction=direction,
        status=status,
        message=received.body.decode(),
        recipient=received.address,
        timestamp=NOON,
        metadata={},
    )


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def recorder(make_recorder, desk):
    return make_recorder(requests=desk)


@pytest.fixture
def ask(bus):
    return lambda body=b"close": bus.message(body, address="axion/request/close-incident")


def came_in(store):
    return [row.communication for row in store.tables.rows.values() if row.communication.direction is Direction.INBOUND]


async def test_requests_and_alerts_take_effect_in_the_order_of_their_arrival(recorder, bus, store, stop, ask):
    alert = {"title": "API slow"}

    await recorder.record([bus.message(alert), bus.message(alert), ask(b"1"), ask(b"2"), bus.message(alert)], stop)

    assert ['{"title": "API slow"}'] * 2 + ["1", "2"] + ['{"title": "API slow"}'] == [row.message for row in came_in(store)]
    assert (4, 5) == (store.writes, len(bus.acknowledged))


async def test_a_request_is_acknowledged_with_its_row_when_it_is_committed(recorder, bus, store, stop, ask):
    await recorder.record([ask()], stop)

    [outcome] = bus.outcomes[0]
    assert (came_in(store)[0].short_ref, None) == (outcome.reference, outcome.error)


async def test_the_relay_is_woken_for_the_answer(recorder, stop, ask, recorded):
    await recorder.record([ask()], stop)

    assert recorded.is_set()


async def test_a_request_that_breaks_our_own_code_ends_as_a_failed_row_and_holds_nobody_up(recorder, bus, store, desk, ask):
    desk.trouble = [ZeroDivisionError("a bug")]

    await recorder.record([ask(), bus.message({"title": "API slow"})], asyncio.Event())

    assert ["FAILED", "RECEIVED"] == [row.status for row in came_in(store)]
    assert ("internal: ZeroDivisionError: a bug", 2) == (came_in(store)[0].error_message, len(bus.acknowledged))


async def test_whoever_asked_is_told_that_it_is_our_fault(recorder, store, desk, ask, recorded):
    desk.trouble = [ZeroDivisionError("a bug")]

    await recorder.record([ask()], asyncio.Event())

    assert "PENDING" == store.tables.rows["sorry"].communication.status
    assert recorded.is_set()


async def test_a_request_whose_apology_cannot_be_written_either_is_kept_without(recorder, bus, store, desk, ask):
    desk.trouble = [ZeroDivisionError("a bug")]
    store.refuses = lambda changes: any(row.guid == "sorry" for row in changes.communications)

    await recorder.record([ask()], asyncio.Event())

    assert (["FAILED"], 1) == ([row.status for row in came_in(store)], len(bus.acknowledged))


async def test_a_request_waits_for_the_database_like_an_alert(recording, intake, bus, desk, ask):
    desk.trouble = [StoreUnavailable("away")] * 3

    async with recording():
        intake.deliver(ask())
        await until(lambda: bus.acknowledged)

    assert [b"close"] * 4 == desk.asked


async def test_a_request_is_carried_out_once_though_the_answer_of_the_database_was_lost(recorder, store, stop, desk, ask):
    store.loses_answers = 1

    await recorder.record([ask()], stop)

    assert ([b"close"], 1) == (desk.asked, len(came_in(store)))


async def test_without_anybody_to_ask_a_request_is_read_as_an_alert(make_recorder, bus, store, stop, ask):
    await make_recorder().record([ask(b"{}")], stop)

    assert ["missing_field"] == [row.metadata["reason"] for row in came_in(store)]
