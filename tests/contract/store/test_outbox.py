"""The outbox: who gets which rows, in which order, for how long, and what becomes of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from axion_bus.domain.communication import Channel, CommunicationStatus
from axion_bus.ports import Settlement
from tests.builders import an_incident
from tests.contract.store.scenes import LEASE, a_message, an_event, claim, delivered, failed, look, save
from tests.fakes import NOON

MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
STATE = "Status, Attempts, NextAttemptAt IS NULL, LeaseOwner, LeaseUntil IS NULL, ErrorMessage"


async def queue(store, *events):
    """Queue ``events`` and the incidents that they are about."""
    known = {guid for (guid,) in await look(store, "SELECT IncidentGuid FROM data_incident")}
    new = {event.incident_guid for event in events if event.incident_guid} - known
    await save(store, new_incidents=[an_incident(guid=guid) for guid in sorted(new)], communications=list(events))


def story(incident_guid, length, *, due=NOON):
    return [an_event(incident_guid, sequence, due=due) for sequence in range(1, length + 1)]


def sequences(claimed, incident_guid):
    return [each.sequence for each in claimed if each.incident_guid == incident_guid]


def guids(rows):
    return [each.guid for each in rows]


async def state(store, guid):
    (row,) = await look(store, f"SELECT {STATE} FROM data_incident_communication WHERE CommunicationGuid = :guid", guid=guid)
    return row


async def test_a_claim_has_what_the_relay_sends(store):
    event = an_event("a", 7, recipient="axion/events/x", message='{"n": 1}', metadata={"reason": "opened", "n": [1]})
    await queue(store, event)

    (outgoing,) = await claim(store)

    assert (event.guid, "a", 7, "axion/events/x", '{"n": 1}', 0) == (
        outgoing.guid,
        outgoing.incident_guid,
        outgoing.sequence,
        outgoing.recipient,
        outgoing.message,
        outgoing.attempts,
    )
    assert {"reason": "opened", "n": [1]} == outgoing.metadata


async def test_a_claim_is_what_is_due_on_the_channel_and_nothing_else(store):
    due = an_event(None, None)
    others = [
        an_event(None, None, due=NOON + MOMENT),
        an_event(None, None, channel=Channel.DBUS),
        an_event(None, None, status=CommunicationStatus.SENT, next_attempt_at=None),
        an_event(None, None, status=CommunicationStatus.FAILED, next_attempt_at=None),
        a_message(),
    ]
    await queue(store, due, *others)

    assert [due.guid] == guids(await claim(store))


async def test_what_is_due_longest_is_claimed_first(store):
    events = [an_event(None, None, due=NOON - minutes * timedelta(minutes=1)) for minutes in (1, 3, 0, 2)]
    await queue(store, *events)

    first = await claim(store, limit=2)
    then = await claim(store, limit=2)

    assert [events[1].guid, events[3].guid] == guids(first)
    assert [events[0].guid, events[2].guid] == guids(then)


async def test_what_is_leased_is_not_claimed_again_until_the_lease_is_over(store):
    await queue(store, an_event(None, None))
    first = await claim(store, owner="a")

    during = await claim(store, owner="b", now=NOON + LEASE)
    after = await claim(store, owner="b", now=NOON + LEASE + MOMENT)

    assert (1, 0, 1) == (len(first), len(during), len(after))


async def test_a_lease_has_its_owner(store):
    event = an_event(None, None)
    await queue(store, event)

    await claim(store, owner="me")

    assert ("PENDING", 0, 0, "me", 0, None) == await state(store, event.guid)


async def test_the_events_of_an_incident_are_claimed_together_in_any_order_of_their_times(store):
    events = [an_event("a", sequence, due=NOON - sequence * SECOND) for sequence in (1, 2, 3)]
    await queue(store, *events)

    assert {1, 2, 3} == set(sequences(await claim(store), "a"))


async def test_nothing_overtakes_what_another_owner_has(store):
    await queue(store, *story("a", 2))
    await claim(store, owner="other", limit=1)
    await queue(store, an_event("b", 1))

    claimed = await claim(store)

    assert ([], [1]) == (sequences(claimed, "a"), sequences(claimed, "b"))


async def test_nothing_overtakes_what_waits_for_its_next_attempt(store):
    await queue(store, *story("a", 3))
    (first,) = await claim(store, limit=1)
    await store.settle([failed(first, again=NOON + 10 * SECOND)])

    before = await claim(store, now=NOON + 9 * SECOND)
    after = await claim(store, now=NOON + 10 * SECOND)

    assert ([], [1, 2, 3]) == (sequences(before, "a"), sorted(sequences(after, "a")))


async def test_nothing_overtakes_what_the_limit_cut_off(store):
    """Its predecessor became due later, because of another machine's clock perhaps."""
    await queue(store, an_event("a", 2, due=NOON - SECOND), an_event("a", 1, due=NOON))

    cut = await claim(store, limit=1)
    rest = await claim(store, now=NOON + SECOND)

    assert ([1], []) == (sequences(cut, "a"), sequences(rest, "a"))


async def test_a_gap_holds_back_only_what_is_behind_it(store):
    await queue(store, an_event("a", 1), an_event("a", 2, due=NOON + 60 * SECOND), an_event("a", 3))

    assert [1] == sequences(await claim(store), "a")


async def test_what_is_behind_another_is_looked_at_again_after_a_moment(store):
    await queue(store, *story("a", 2))
    (first,) = await claim(store, owner="other", limit=1)
    await claim(store)
    await store.settle([delivered(first)])

    at_once = await claim(store, now=NOON + timedelta(milliseconds=199))
    soon = await claim(store, now=NOON + timedelta(milliseconds=200))

    assert ([], [2]) == (sequences(at_once, "a"), sequences(soon, "a"))


async def test_what_is_given_up_holds_nothing_back(store):
    await queue(store, *story("a", 2))
    (first,) = await claim(store, limit=1)
    await store.settle([failed(first, again=None)])

    assert [2] == sequences(await claim(store), "a")


async def test_another_channel_s_rows_hold_nothing_back(store):
    await queue(store, an_event("a", 1, channel=Channel.DBUS), an_event("a", 2))

    assert [2] == sequences(await claim(store), "a")


async def test_rows_without_a_sequence_hold_nothing_back_and_are_not_held_back(store):
    await queue(store, an_event("a", None, due=NOON + SECOND), an_event("a", 1), an_event("a", None))

    assert {1, None} == set(sequences(await claim(store), "a"))


async def test_many_rows_that_have_to_wait_do_not_hide_what_is_behind_them(store):
    await queue(store, *story("a", 8, due=NOON - SECOND))
    await claim(store, owner="other", limit=1)
    await queue(store, an_event("b", 1))

    claimed = await claim(store, limit=3)

    assert [1] == sequences(claimed, "b")


async def test_two_owners_get_different_rows_and_never_parts_of_one_incident(store, other_store):
    stories = [event for number in range(30) for event in story(f"incident-{number:02}", 4)]
    await queue(store, *stories)

    shares = await asyncio.gather(*(claim(each, owner=name, limit=50) for each, name in ((store, "a"), (other_store, "b"))))

    mine, theirs = (guids(share) for share in shares)
    assert not set(mine) & set(theirs)
    assert not {each.incident_guid for each in shares[0]} & {each.incident_guid for each in shares[1]}
    for share in shares:
        for guid in {each.incident_guid for each in share}:
            assert sorted(sequences(share, guid)) == list(range(1, len(sequences(share, guid)) + 1))


async def test_owners_who_claim_and_settle_by_turns_deliver_everything_once_and_in_order(store, other_store):
    events = [event for number in range(20) for event in story(f"incident-{number:02}", 5)]
    await queue(store, *events)
    sent = []

    async def relay(own, name):
        now = NOON
        while len(sent) < len(events):
            claimed = await claim(own, owner=name, now=now, limit=7)
            sent.extend((each.incident_guid, each.sequence) for each in sorted(claimed, key=lambda each: each.sequence))
            await own.settle([delivered(each) for each in claimed])
            now += timedelta(milliseconds=200)

    async with asyncio.timeout(60):
        await asyncio.gather(relay(store, "a"), relay(other_store, "b"))

    assert sorted((event.incident_guid, event.sequence) for event in events) == sorted(sent)
    for guid in {event.incident_guid for event in events}:
        assert [1, 2, 3, 4, 5] == [sequence for incident, sequence in sent if incident == guid]


async def test_an_uncommitted_row_of_another_transaction_is_left_alone(mariadb_store):
    """A relay must not wait for a batch that is being written."""
    ready = an_event(None, None)
    await queue(mariadb_store, ready)

    async def work(transaction):
        await transaction.connection.exec_driver_sql("UPDATE data_incident_communication SET Attempts = 5")
        async with asyncio.timeout(5):
            return await claim(mariadb_store)

    assert [] == list(await mariadb_store.write(work))


async def test_a_delivered_row_is_sent_and_its_lease_is_over(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([delivered(outgoing)])

    assert ("SENT", 1, 1, None, 1, None) == await state(store, event.guid)
    assert [] == list(await claim(store, now=NOON + timedelta(days=1)))


async def test_a_failed_row_waits_for_its_next_attempt_without_a_lease(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([failed(outgoing, again=NOON + SECOND)])

    assert ("PENDING", 1, 0, None, 1, "no route") == await state(store, event.guid)
    (again,) = await claim(store, now=NOON + SECOND)
    assert 1 == again.attempts


async def test_a_row_that_is_given_up_is_failed(store):
    event = an_event(None, None)
    await queue(store, event)
    (outgoing,) = await claim(store)

    await store.settle([failed(outgoing, again=None)])

    assert ("FAILED", 1, 1, None, 1, "no route") == await state(store, event.guid)


async def test_a_delivery_after_failures_leaves_no_error(store):
    event = an_event(None, None)
    await queue(store, event)
    (first,) = await claim(store)
    await store.settle([failed(first, again=NOON)])
    (second,) = await claim(store)

    await store.settle([delivered(second)])

    assert ("SENT", 2, 1, None, 1, None) == await state(store, event.guid)


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

    assert ("SENT", 1, 1, None, 1, None) == await state(store, event.guid)
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

    assert ("SENT", 1, 1, None, 1, None) == await state(store, event.guid)


async def test_an_event_that_another_process_committed_is_claimed(store, other_store):
    event = an_event(None, None)
    await claim(store)
    await queue(other_store, event)

    assert [event.guid] == guids(await claim(store))
