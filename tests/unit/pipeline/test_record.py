"""Accepting messages: one transaction for a batch, then the acknowledgement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.domain.correlation import candidate
from axion_bus.domain.incident import CloseReason, close
from axion_bus.domain.rules import default_rule
from axion_bus.pipeline.batch import DECIDED_AT_ONCE
from axion_bus.pipeline.record import MAX_ITEMS
from axion_bus.ports import Changes
from tests.builders import a_rule, an_alert, an_incident
from tests.fakes import NOON
from tests.fakes.outbox import rows


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


async def test_what_a_large_batch_puts_on_record_is_written_while_it_is_decided(accept, bus, store):
    await accept(bus.message({"title": "API slow", "severity": "HIGH"}))
    saved = []
    store.refuses = lambda changes: saved.append(len(changes.communications))
    titles = ["Disk full", *["API slow"] * DECIDED_AT_ONCE, *["Disk full"] * DECIDED_AT_ONCE]

    await accept(*(bus.message({"title": title, "severity": "HIGH"}) for title in titles))

    early, *_, last = saved
    assert (DECIDED_AT_ONCE - 1, DECIDED_AT_ONCE + 2) == (early, last)  # "Disk full" has no incident before
    written = sorted(rows(store), key=lambda row: row.guid)
    assert ["opened", "opened", *["repeated"] * 2 * DECIDED_AT_ONCE] == [row.metadata["reason"] for row in written]


async def test_a_part_that_cannot_be_written_costs_its_culprit_only(accept, bus, store):
    await accept(bus.message({"title": "API slow", "severity": "HIGH"}))
    poison = b'{"title": "API slow", "description": "poison"}'
    store.refuses = lambda changes: any("poison" in row.message and row.raw is None for row in changes.communications)
    good = [bus.message({"title": "API slow", "severity": "HIGH"}) for _ in range(2 * DECIDED_AT_ONCE)]

    await accept(*good[:10], bus.message(poison), *good[10:])

    assert [CommunicationStatus.FAILED] == [row.status for row in rows(store) if "poison" in row.message]
    assert (len(good) + 1, len(good) + 2) == (next(iter(store.tables.alerts.values())).count, len(bus.acknowledged))


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


async def test_whoever_sends_an_id_again_is_told_of_the_alert_that_it_made(accept, bus):
    await accept(*(bus.message({"title": "API slow", "id": "1"}) for _ in range(2)))
    await accept(bus.message({"title": "API slow", "id": "1"}))

    guids = [outcome.alert_guid for (outcome,) in bus.outcomes]
    assert [guids[0]] * 3 == guids
    assert None is not guids[0]


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


async def test_that_something_stands_well_of_which_no_alert_is_open_leaves_no_row(accept, bus, store):
    well = {"title": "nginx.service failed", "status": "resolved"}

    await accept(bus.message(well, is_state=True), bus.message(well))

    assert (["nothing_to_resolve"], 2, {}) == (
        [row.metadata["reason"] for row in rows(store)],
        len(bus.acknowledged),
        store.tables.alerts,
    )


async def test_that_something_stands_well_again_resolves_its_alert(accept, bus, store):
    failed = {"title": "nginx.service failed", "severity": "HIGH"}

    await accept(bus.message(failed, is_state=True), bus.message({**failed, "status": "resolved"}, is_state=True))

    assert ["opened", "resolved"] == [row.metadata["reason"] for row in rows(store)]


async def test_that_something_still_fires_where_it_was_only_looked_up_is_neither_counted_nor_a_row(accept, bus, store):
    failed = {"title": "nginx.service failed", "severity": "HIGH"}

    await accept(bus.message(failed, is_state=True), bus.message(failed, is_state=True, is_reading=True))

    assert ["opened"] == [row.metadata["reason"] for row in rows(store)]
    assert [1] == [each.count for each in store.tables.alerts.values()]


async def test_that_something_fires_again_is_counted_where_it_was_told(accept, bus, store):
    failed = {"title": "nginx.service failed", "severity": "HIGH"}

    await accept(bus.message(failed, is_state=True, is_reading=True), bus.message(failed, is_state=True))

    assert ["opened", "repeated"] == [row.metadata["reason"] for row in rows(store)]
    assert [2] == [each.count for each in store.tables.alerts.values()]


async def test_that_something_is_better_or_worse_is_news_also_where_it_was_only_looked_up(accept, bus, store):
    for severity in ("HIGH", "MEDIUM", "CRITICAL"):
        await accept(bus.message({"title": "Battery", "severity": severity}, is_state=True, is_reading=True))

    assert ["opened", *["severity_changed"] * 2] == [row.metadata["reason"] for row in rows(store)]
    assert [1] == [each.count for each in store.tables.alerts.values()]


async def test_what_still_fires_though_its_incident_was_closed_is_news_also_where_it_was_only_looked_up(
    make_recorder, bus, store, stop
):
    recorder = make_recorder(rules=(a_rule(reopen_within=timedelta(hours=1)),))
    failed = {"title": "nginx.service failed", "severity": "HIGH"}
    for closed_as in (CloseReason.RESOLVED, CloseReason.DUPLICATE, CloseReason.RESOLVED):
        await recorder.record([bus.message(failed, is_state=True, is_reading=True)], stop)
        (opened,) = (each for each in store.tables.incidents.values() if each.is_open)
        store.tables.apply(Changes(changed_incidents=[close(opened, closed_as, NOON)]))

    assert ["opened", "reopened", "opened"] == [row.metadata["reason"] for row in rows(store)]
