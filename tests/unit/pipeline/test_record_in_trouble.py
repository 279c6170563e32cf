"""What happens to messages when the database does not play along, when another daemon is faster, and when we are told to stop."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.domain.correlation import candidate
from axion_bus.domain.rules import default_rule
from axion_bus.formats import Element
from axion_bus.ports import Changes
from tests.builders import an_alert, an_incident
from tests.fakes import time_passes, until
from tests.fakes.outbox import rows


async def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_is_lost(recording, deliver, bus, store, progress):
    store.is_away = True

    async with recording():
        deliver({"title": "API slow"})
        await time_passes(600)
        assert ([], "store") == (bus.acknowledged, progress.waiting)
        store.is_away = False
        await until(lambda: bus.acknowledged, within_s=5)

    assert (1, 1) == (len(rows(store)), len(bus.acknowledged))


async def test_the_database_is_asked_again_soon_and_then_less_and_less_often(recording, deliver, bus, store):
    store.is_away = True

    async with recording():
        deliver({"title": "API slow"})
        await time_passes(1)
        soon = store.writes
        await time_passes(60)
        later = store.writes - soon
        store.is_away = False

    assert (4, 13) == (soon, later)


async def test_while_one_batch_is_written_the_next_one_is_read_and_waits(recording_by, deliver, bus, store):
    read = []

    class Reading:
        def name_of(self, received):
            return "axion/alerts/#"

        def decode(self, received):
            read.append(received.body)
            return [Element(an_alert(received.body.decode()), None)]

    store.is_away = True
    bodies = [b"%d" % number for number in range(1600)]

    async with recording_by(sources=Reading()):
        for body in bodies:
            deliver(body)
        await time_passes(10)
        while_away = len(read), len(bus.acknowledged)
        store.is_away = False
        await until(lambda: len(bus.acknowledged) == 1600, within_s=10)

    assert ((1000, 0), bodies, bodies) == (while_away, read, bus.acknowledged)


async def test_a_stop_while_the_database_is_away_leaves_the_message_to_the_next_start(recording, deliver, bus, store):
    store.is_away = True

    async with recording() as worker:
        deliver({"title": "API slow"})
        await time_passes(30)
        tried = store.writes

    assert (True, [], tried) == (worker.done(), bus.acknowledged, store.writes)


async def test_a_stop_lets_the_batch_at_hand_be_finished(recording, deliver, bus, store):
    async with recording():
        deliver({"title": "API slow"})
        await asyncio.sleep(0)

    assert len(rows(store)) == len(bus.acknowledged)


@pytest.mark.parametrize("id_", [{}, {"id": "1"}])
async def test_what_was_committed_although_the_answer_was_lost_is_not_done_again(recorder, bus, store, stop, id_):
    store.loses_answers = 1

    await recorder.record([bus.message({"title": "API slow", "severity": "HIGH", **id_})], stop)

    assert (2, 1, 1) == (store.writes, len(rows(store)), len(store.tables.incidents))
    assert [1] == [alert.count for alert in store.tables.alerts.values()]
    assert rows(store)[0].short_ref == bus.outcomes[0][0].reference


async def test_the_loser_of_a_race_for_a_key_links_its_alert_to_the_winners_incident(accept, bus, store):
    key = candidate(an_alert(), [default_rule()]).key
    store.rivals.append(Changes(new_incidents=[an_incident(guid="winner", correlation_key=key)]))

    await accept(bus.message({"title": "API slow", "severity": "HIGH", "package": "WEBAPI"}))

    assert ["winner"] == list(store.tables.incidents)
    assert [("linked", "winner")] == [(row.metadata["reason"], row.incident_guid) for row in rows(store)]


async def test_the_loser_of_a_race_for_an_id_accepts_nothing(make_recorder, bus, store, stop):
    message = {"title": "API slow", "id": "1"}
    await make_recorder().record([bus.message(message)], stop)
    winner = store.tables
    changes = Changes(new_alerts=list(winner.alerts.values()), communications=[row.communication for row in winner.rows.values()])
    store.tables = type(winner)()
    store.rivals.append(changes)

    await make_recorder().record([bus.message(message)], stop)

    assert (winner.alerts, 1, 2) == (store.tables.alerts, len(rows(store)), len(bus.acknowledged))


async def test_an_acknowledgement_that_fails_is_not_taken_for_a_refusal_of_the_database(recorder, bus, store, stop):
    def ack(_outcomes):
        raise RuntimeError("a bug of the bus")

    with pytest.raises(RuntimeError, match="a bug of the bus"):
        await recorder.record([bus.message({"title": "API slow"}, ack=ack)], stop)

    assert ["RECEIVED"] == [row.status for row in rows(store)]


async def test_a_lost_connection_to_the_database_is_no_reason_to_fail_a_message(recorder, bus, store, stop):
    store.loses_answers = 3

    await recorder.record([bus.message({"title": "API slow"})], stop)

    assert ["RECEIVED"] == [row.status for row in rows(store)]
