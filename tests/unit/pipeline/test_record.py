"""Accepting messages: one transaction, then the acknowledgement; and what happens when the database does not play along."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.domain.correlation import candidate
from axion_bus.domain.incident import CloseReason, close
from axion_bus.domain.rules import default_rule
from axion_bus.formats import Element
from axion_bus.pipeline.record import MAX_ITEMS
from axion_bus.ports import Changes
from tests.builders import a_rule, an_alert, an_incident
from tests.fakes import NOON, time_passes, until


@pytest.fixture
def recording_by(make_recorder, running, intake, stop):
    """Runs a recorder that is made of what is given beside the test's own steps."""
    return lambda **given: running(make_recorder(**given).run(stop), intake.close)


@pytest.fixture
def accept(intake, recorder, stop):
    """Delivers messages and has them recorded as one batch."""

    async def accept(*messages):
        for message in messages:
            intake.deliver(message)
        await recorder.record(await intake.next_batch(stop), stop)

    return accept


def rows(store, direction=Direction.INBOUND):
    return [row.communication for row in store.tables.rows.values() if row.communication.direction is direction]


def told(store):
    return [row.recipient.removeprefix("axion/events/") for row in rows(store, Direction.OUTBOUND)]


async def test_a_message_is_acknowledged_after_its_row_and_all_that_follows_are_committed(accept, bus, store):
    committed = []

    await accept(bus.message({"title": "API slow", "severity": "HIGH"}, ack=lambda _outcomes: committed.append(store.tables)))

    assert (1, 1, 2, 2) == (
        len(committed[0].alerts),
        len(committed[0].incidents),
        len(committed[0].rows),
        len(committed[0].timeline),
    )


async def test_an_alert_is_linked_to_its_incident_once(accept, bus, store):
    await accept(*(bus.message({"title": "API slow", "severity": "HIGH"}) for _ in range(2)))
    await accept(bus.message({"title": "API slow", "severity": "HIGH"}))

    [alert], [incident] = store.tables.alerts, store.tables.incidents
    assert [(incident, alert)] == list(store.tables.links)


async def test_messages_are_acknowledged_in_the_order_of_their_arrival(accept, bus):
    await accept(*(bus.message(b'{"title": "%d"}' % number) for number in range(10)))

    assert [b'{"title": "%d"}' % number for number in range(10)] == bus.acknowledged


async def test_a_batch_is_one_transaction(accept, bus, store):
    await accept(*(bus.message({"title": str(number)}) for number in range(100)))

    assert (1, 100) == (store.writes, len(rows(store)))


async def test_the_alerts_of_a_batch_see_each_other(accept, bus, store):
    await accept(
        bus.message({"title": "API slow", "severity": "HIGH"}),
        bus.message({"title": "API slow", "severity": "HIGH"}),
        bus.message({"title": "API slow", "status": "resolved"}),
    )

    assert ["opened", "repeated", "resolved"] == [row.metadata["reason"] for row in rows(store)]
    assert [(2, "RESOLVED")] == [(alert.count, alert.status) for alert in store.tables.alerts.values()]
    assert ["incident/created", "alert/resolved", "incident/status-changed"] == told(store)


async def test_an_outcome_names_the_row_and_the_alert(accept, bus, store):
    await accept(bus.message({"title": "API slow"}))

    [outcome] = bus.outcomes[0]
    assert (rows(store)[0].short_ref, next(iter(store.tables.alerts)), None) == (
        outcome.reference,
        outcome.alert_guid,
        outcome.error,
    )


async def test_what_is_not_an_alert_ends_as_a_failed_row_and_is_acknowledged(accept, bus, store):
    await accept(bus.message(b"{"), bus.message({"title": "API slow"}))

    assert [CommunicationStatus.FAILED, CommunicationStatus.RECEIVED] == [row.status for row in rows(store)]
    assert (b"{", 2) == (rows(store)[0].raw, len(bus.acknowledged))
    assert rows(store)[0].error_message == bus.outcomes[0][0].error


async def test_an_id_that_was_accepted_makes_no_second_row_and_no_count_and_is_acknowledged(accept, bus, store):
    await accept(bus.message({"title": "API slow", "id": "1"}))

    await accept(bus.message({"title": "API slow", "id": "1"}, duplicate=True), bus.message({"title": "API slow", "id": "2"}))

    assert ["1", "2"] == [row.external_id for row in rows(store)]
    assert [2] == [alert.count for alert in store.tables.alerts.values()]
    assert len(bus.acknowledged) == 3


async def test_an_id_that_comes_twice_in_one_batch_counts_once(accept, bus, store):
    await accept(*(bus.message({"title": "API slow", "id": "1"}) for _ in range(2)))

    assert (1, 2) == (len(rows(store)), len(bus.acknowledged))


async def test_the_same_id_of_another_source_is_another_event(accept, bus, store):
    await accept(*(bus.message({"title": "API slow", "id": "1", "source": source}) for source in ("web-1", "web-2")))

    assert len(rows(store)) == 2


async def test_a_message_with_several_alerts_makes_a_row_for_each_that_share_its_name(accept, bus, store):
    await accept(bus.message([{"title": "API slow"}, {"title": "API down"}]), bus.message({"title": "alone"}))

    names = [row.metadata.get("message") for row in rows(store)]
    assert (names[0], None) == (names[1], names[2])
    assert names[0]
    assert [2, 1] == [len(outcomes) for outcomes in bus.outcomes]
    assert ['{"title": "API slow"}', '{"title": "API down"}', '{"title": "alone"}'] == [row.message for row in rows(store)]


async def test_a_bad_element_fails_alone(accept, bus, store):
    await accept(bus.message([{"title": "API slow"}, {"no": "title"}, {"title": "API down"}]))

    assert ["RECEIVED", "FAILED", "RECEIVED"] == [row.status for row in rows(store)]
    assert [True, False, True] == [outcome.error is None for outcome in bus.outcomes[0]]


async def test_alerts_beyond_what_a_transaction_takes_are_recorded_in_several(accept, bus, store):
    many = [{"title": str(number), "severity": "LOW"} for number in range(400)]

    await accept(*(bus.message(many) for _ in range(3)))

    assert MAX_ITEMS == 1000
    assert (2, 1200, 3) == (store.writes, len(rows(store)), len(bus.acknowledged))


async def test_received_alerts_are_told_only_where_that_is_wanted(make_recorder, bus, store, stop):
    message = bus.message({"title": "API slow", "severity": "LOW"})

    await make_recorder(tells_received=True).record([message], stop)

    assert ["alert/received"] == told(store)


async def test_the_relay_is_woken_when_there_is_something_to_tell(accept, bus, recorded):
    await accept(bus.message({"title": "API slow", "severity": "LOW"}))
    assert not recorded.is_set()

    await accept(bus.message({"title": "API slow", "severity": "HIGH"}))

    assert recorded.is_set()


async def test_and_by_one_event_among_many_alerts_that_were_known(accept, bus, recorded):
    known = {"title": "API slow", "severity": "LOW", "id": "1"}

    await accept(*(bus.message(known) for _ in range(5)), bus.message({"title": "x", "severity": "HIGH"}))

    assert recorded.is_set()


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


async def test_after_a_merge_alerts_go_to_the_target_however_long_ago_that_was(accept, bus, store):
    found = candidate(an_alert(), [default_rule()])
    gone = an_incident(guid="gone", status="CLOSED", closed_at=NOON - timedelta(days=900), correlation_key=found.key)
    merged = replace(gone, close_reason=CloseReason.MERGED, merged_into="target")
    store.tables.apply(Changes(new_incidents=[merged, an_incident(guid="target", correlation_key="another")]))

    await accept(bus.message({"title": "API slow", "package": "WEBAPI"}))

    assert [("linked", "target")] == [(row.metadata["reason"], row.incident_guid) for row in rows(store)]


async def test_an_incident_is_reopened_as_far_back_as_its_rule_says(make_recorder, bus, store, stop):
    rule = a_rule(reopen_within=timedelta(hours=1))
    found = candidate(an_alert(), [rule])
    closed = close(an_incident(correlation_key=found.key), CloseReason.AUTO, NOON - timedelta(hours=1))
    store.tables.apply(Changes(new_incidents=[closed]))

    message = bus.message({"title": "API slow", "package": "WEBAPI", "severity": "HIGH"})
    await make_recorder(rules=(rule,)).record([message], stop)

    assert ["reopened"] == [row.metadata["reason"] for row in rows(store)]
    assert list(store.tables.incidents) == ["incident-1"]


async def test_alerts_that_fire_elsewhere_keep_an_incident_from_being_watched(accept, bus, store):
    await accept(*(bus.message({"title": "API slow", "severity": "HIGH", "source": source}) for source in ("web-1", "web-2")))

    await accept(bus.message({"title": "API slow", "status": "resolved", "source": "web-1"}))
    assert ["CREATED"] == [incident.status for incident in store.tables.incidents.values()]
    await accept(bus.message({"title": "API slow", "status": "resolved", "source": "web-2"}))

    assert ["MONITORING"] == [incident.status for incident in store.tables.incidents.values()]


async def test_a_given_guid_that_an_old_alert_has_is_replaced(accept, bus, store):
    await accept(bus.message({"title": "API slow", "alert_guid": "given"}))
    await accept(bus.message({"title": "API slow", "status": "resolved"}))

    await accept(bus.message({"title": "API slow", "alert_guid": "given"}))

    assert ("given", 2) == (min(store.tables.alerts, key=len), len(store.tables.alerts))


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
