"""Claiming from the outbox: who gets which rows, in which order, for how long."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from axion_bus.domain.communication import Channel, CommunicationStatus
from tests.contract.store.scenes import LEASE, a_message, an_event, claim, delivered, failed, look, outbox_row, queue, story
from tests.fakes import NOON

MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


def sequences(claimed, incident_guid):
    return [each.sequence for each in claimed if each.incident_guid == incident_guid]


def guids(rows):
    return [each.guid for each in rows]


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

    assert ("PENDING", 0, 0, "me", 0, None) == await outbox_row(store, event.guid)


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


async def test_what_is_settled_with_a_claim_makes_room_for_what_is_behind_it(store):
    first, second = story("incident-1", 2)
    await queue(store, first, second)
    (sent,) = await claim(store, limit=1)

    after = await store.claim(Channel.MQTT, owner="me", now=NOON, lease_until=NOON + LEASE, limit=10, settled=[delivered(sent)])

    assert [second.guid] == [each.guid for each in after]
    assert (CommunicationStatus.SENT, 1) == (await outbox_row(store, first.guid))[:2]


async def test_owners_who_claim_and_settle_by_turns_deliver_everything_once_and_in_order(store, other_store):
    events = [event for number in range(20) for event in story(f"incident-{number:02}", 5)]
    await queue(store, *events)
    sent = []

    async def relay(own, name):
        now = NOON
        while len(sent) < len(events):
            # a lease that the faster one's clock does not outrun
            claimed = await own.claim(Channel.MQTT, owner=name, now=now, lease_until=now + timedelta(days=1), limit=7)
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


async def test_what_is_done_to_a_row_waits_for_no_other_row(mariadb_store):
    """A table that is still small is read whole, if it is left to the server."""
    locked, *others = events = [an_event(None, None) for _ in range(20)]
    await queue(mariadb_store, *events)

    async def lease(transaction):
        await transaction.lease(guids(others), "me", NOON + LEASE)
        return await transaction.leased(guids(others), owner="me", now=NOON)

    async def work(transaction):
        await transaction.lease([locked.guid], "somebody", NOON + LEASE)
        async with asyncio.timeout(5):
            leased = await mariadb_store.write(lease)
            await mariadb_store.give_back(guids(others), "me")
            return leased

    assert set(guids(others)) == (await mariadb_store.write(work)).keys()


async def test_a_lease_makes_no_row_longer(store):
    """InnoDB would move it inside its page, and log the page: before its log is full everything stands still."""
    event = an_event("a", 1)
    await queue(store, event)

    async def size():
        parts = "LENGTH(LeaseOwner), LENGTH(LeaseUntil)"
        ((owner, until),) = await look(store, f"SELECT {parts} FROM data_incident_communication WHERE Sequence = 1")
        return owner, until

    before = await size()
    assert [event.guid] == guids(await claim(store, owner="x" * 64))
    after = await size()

    assert before == after
