"""Settling what was claimed: delivered, to be tried again, given up, released; and what came too late."""

from __future__ import annotations

from datetime import timedelta

from axion_bus.domain.communication import CommunicationStatus
from axion_bus.ports import Settlement
from tests.contract.store.scenes import LEASE, an_event, claim, delivered, failed, look, outbox_row, queue, story
from tests.fakes import NOON

SECOND = timedelta(seconds=1)


def guids(rows):
    return [each.guid for each in rows]


async def test_a_delivered_row_is_sent_and_its_lease_is_over(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([delivered(outgoing)])

    assert ("SENT", 1, 1, None, 1, None) == await outbox_row(store, event.guid)
    assert [] == list(await claim(store, now=NOON + timedelta(days=1)))


async def test_a_failed_row_waits_for_its_next_attempt_without_a_lease(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([failed(outgoing, again=NOON + SECOND)])

    assert ("PENDING", 1, 0, None, 1, "no route") == await outbox_row(store, event.guid)
    (again,) = await claim(store, now=NOON + SECOND)
    assert 1 == again.attempts


async def test_a_row_that_is_given_up_is_failed(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([failed(outgoing, again=None)])

    assert ("FAILED", 1, 1, None, 1, "no route") == await outbox_row(store, event.guid)


async def test_a_delivery_after_failures_leaves_no_error(store):
    event = an_event(None, None)
    await queue(store, event)
    (first,) = await claim(store)
    await store.settle([failed(first, again=NOON)])
    (second,) = await claim(store)

    await store.settle([delivered(second)])

    assert ("SENT", 2, 1, None, 1, None) == await outbox_row(store, event.guid)


async def test_each_attempt_has_its_row(store):
    event = an_event(None, None)
    await queue(store, event)
    await store.settle([Settlement(event.guid, 1, NOON, NOON + SECOND, error="no route", next_attempt_at=NOON)])
    await store.settle([Settlement(event.guid, 2, NOON + SECOND, NOON + 2 * SECOND)])

    times = "CAST(StartedAt AS CHAR), CAST(FinishedAt AS CHAR)"
    query = f"SELECT CommunicationGuid, Number, Status, ErrorMessage, {times} FROM data_incident_communication_attempt"
    at = [f"2026-01-31 12:00:0{second}.000000" for second in range(3)]
    expected = [(event.guid, 1, "FAILED", "no route", at[0], at[1]), (event.guid, 2, "SENT", None, at[1], at[2])]
    assert expected == await look(store, f"{query} ORDER BY AttemptId")


async def test_many_are_settled_at_once_each_as_it_went(store):
    events = [an_event(None, None) for _ in range(600)]
    await queue(store, *events)
    claimed = await claim(store, limit=600)
    settlements = [failed(each, NOON + SECOND) if n % 100 == 0 else delivered(each) for n, each in enumerate(claimed)]

    await store.settle(settlements)

    counts = "SELECT Status, COUNT(*) FROM data_incident_communication GROUP BY Status ORDER BY Status"
    assert [("PENDING", 6), ("SENT", 594)] == await look(store, counts)


async def test_nothing_to_settle_is_nothing_written(store):
    await store.settle([])

    assert [(0,)] == await look(store, "SELECT COUNT(*) FROM data_incident_communication_attempt")


async def test_a_late_failure_does_not_undo_what_another_owner_delivered(store):
    event = an_event(None, None)
    await queue(store, event)
    (slow,) = await claim(store, owner="slow")
    (quick,) = await claim(store, owner="quick", now=NOON + 2 * LEASE)
    await store.settle([delivered(quick)])

    await store.settle([failed(slow, again=NOON)])

    assert ("SENT", 1, 1, None, 1, None) == await outbox_row(store, event.guid)
    assert [(2,)] == await look(store, "SELECT COUNT(*) FROM data_incident_communication_attempt")


async def test_a_late_failure_does_not_postpone_what_another_owner_postponed(store):
    event = an_event(None, None)
    await queue(store, event)
    (slow,) = await claim(store, owner="slow")
    (quick,) = await claim(store, owner="quick", now=NOON + 2 * LEASE)
    await store.settle([failed(quick, again=NOON)])

    await store.settle([failed(slow, again=NOON + timedelta(days=1))])

    assert [event.guid] == guids(await claim(store))


async def test_a_released_row_may_be_claimed_at_once(store):
    await queue(store, *story("a", 2))
    claimed = await claim(store, owner="me")

    await store.release("me")

    assert guids(claimed) == guids(await claim(store, owner="another"))


async def test_only_the_owner_s_leases_are_released(store):
    await queue(store, an_event(None, None))
    await claim(store, owner="other")

    await store.release("me")

    assert [] == list(await claim(store))


async def test_releasing_changes_nothing_that_is_settled(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)
    await store.settle([delivered(outgoing)])

    await store.release("me")

    assert ("SENT", 1, 1, None, 1, None) == await outbox_row(store, event.guid)


async def test_an_event_that_another_process_committed_is_claimed(store, other_store):
    event = an_event(None, None)
    await claim(store)
    await queue(other_store, event)

    assert [event.guid] == guids(await claim(store))


async def test_what_waits_for_a_channel_that_is_abandoned_is_failed_and_says_why(store):
    waiting = an_event(None, None, channel="SLACK")
    fresh = an_event(None, None, channel="SLACK", timestamp=NOON + SECOND)
    later = an_event(None, None, channel="SLACK", due=NOON + 9 * SECOND, timestamp=NOON)
    leased = an_event(None, None, channel="SLACK")
    await queue(store, waiting, fresh, later, leased)
    await store.write(lambda transaction: transaction.lease([leased.guid], "me", NOON + LEASE))

    number = await store.abandon("SLACK", "nobody serves it", NOON + SECOND)

    rows = [await outbox_row(store, each.guid) for each in (waiting, later, leased)]
    assert (3, [("FAILED", 0, 1, None, 1, "nobody serves it")] * 3) == (number, rows)
    assert "PENDING" == (await outbox_row(store, fresh.guid))[0]
    assert 0 == await store.abandon("SLACK", "nobody serves it", NOON + SECOND)


async def test_other_channels_and_what_is_settled_are_left_alone_when_one_is_abandoned(store):
    other = an_event(None, None)
    sent = an_event(None, None, channel="SLACK", status=CommunicationStatus.SENT, next_attempt_at=None)
    await queue(store, other, sent)

    assert 0 == await store.abandon("SLACK", "nobody serves it", NOON + SECOND)
    assert ["PENDING", "SENT"] == [(await outbox_row(store, each.guid))[0] for each in (other, sent)]
