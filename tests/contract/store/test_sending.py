"""What a message to a person needs of the store: whose turn it is, a row for each attempt before it begins, the thread."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel, CommunicationStatus
from axion_bus.ports import Leased, Settlement
from tests.contract.store.scenes import LEASE, an_event, look, outbox_row, queue
from tests.fakes import NOON

SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)


def a_page(incident="a", recipient="#ops", **given):
    """A message to a person, PENDING."""
    return an_event(incident, None, **{"channel": Channel.SLACK, "recipient": recipient, "metadata": {"n": 1}, **given})


async def claim(store, *, owner="me", now=NOON, limit=100):
    rows = await store.claim_heads(Channel.SLACK, owner=owner, now=now, lease_until=now + LEASE, limit=limit)
    return [row.guid for row in rows]


async def begin(store, guid, *, number=1, owner="me", at=NOON):
    await store.write(lambda transaction: transaction.begin({guid: number}, owner=owner, at=at, lease_until=at + LEASE))


async def leased(store, guid, *, owner="me", now=NOON):
    return dict(await store.write(lambda transaction: transaction.leased([guid], owner=owner, now=now)))


async def finish(store, *settlements):
    return await store.write(lambda transaction: transaction.finish(settlements))


async def thread(store, incident="a", channel=Channel.SLACK, recipient="#ops"):
    return await store.write(lambda transaction: transaction.thread(incident, channel, recipient))


def delivered(guid, number=1, **given):
    return Settlement(guid, number, NOON, NOON + SECOND, **given)


def failed(guid, number=1, *, again=None, **given):
    return Settlement(guid, number, NOON, NOON + SECOND, error="no route", next_attempt_at=again, **given)


async def attempts(store, guid):
    query = (
        "SELECT Number, Status, ErrorMessage, FinishedAt IS NULL FROM data_incident_communication_attempt"
        " WHERE CommunicationGuid = :guid ORDER BY AttemptId"
    )
    return await look(store, query, guid=guid)


@pytest.fixture
async def page(store):
    """A message that is claimed."""
    page = a_page()
    await queue(store, page)
    await claim(store)
    return page.guid


async def test_of_an_incident_only_the_oldest_message_to_each_recipient_is_claimed(store):
    first, other, second = a_page(), a_page(recipient="#dev"), a_page()
    await queue(store, first, other, second)

    assert [first.guid, other.guid] == await claim(store)


async def test_the_next_message_is_claimed_when_the_one_before_is_settled(store):
    first, second = a_page(), a_page()
    await queue(store, first, second)
    await claim(store)
    await begin(store, first.guid)

    while_sent = await claim(store)
    await finish(store, delivered(first.guid))
    at_once = await claim(store, now=NOON + timedelta(milliseconds=199))
    soon = await claim(store, now=NOON + timedelta(milliseconds=200))

    assert ([], [], [second.guid]) == (while_sent, at_once, soon)


async def test_what_follows_a_message_that_waits_for_its_next_attempt_waits_as_long(store):
    first, second = a_page(), a_page()
    await queue(store, first, second)
    await claim(store, limit=1)
    await begin(store, first.guid)
    await finish(store, failed(first.guid, again=NOON + 60 * SECOND))

    assert [] == await claim(store, now=NOON + SECOND)
    due = "SELECT CAST(NextAttemptAt AS CHAR) FROM data_incident_communication"
    assert [("2026-01-31 12:01:00.000000",)] * 2 == await look(store, due)
    assert [first.guid] == await claim(store, now=NOON + 60 * SECOND)


async def test_a_message_that_is_given_up_holds_nothing_back(store):
    first, second = a_page(), a_page()
    await queue(store, first, second)
    await claim(store, limit=1)
    await begin(store, first.guid)
    await finish(store, failed(first.guid))

    assert [second.guid] == await claim(store)


async def test_messages_about_no_incident_hold_nothing_back(store):
    pages = [a_page(incident=None) for _ in range(3)]
    await queue(store, *pages)

    assert [page.guid for page in pages] == await claim(store)


async def test_another_channel_s_and_the_bus_s_rows_hold_nothing_back(store):
    mail, event, page = a_page(channel=Channel.EMAIL), an_event("a", 1), a_page()
    await queue(store, mail, event, page)

    assert [page.guid] == await claim(store)


async def test_many_messages_that_have_to_wait_do_not_hide_what_is_behind_them(store):
    pages, other = [a_page() for _ in range(5)], a_page(incident="b")
    await queue(store, *pages, other)
    await claim(store, owner="other", limit=1)

    assert [other.guid] == await claim(store, limit=2)


async def test_a_message_is_ours_until_our_lease_ends(store, page):
    assert {page: Leased()} == await leased(store, page)
    assert {} == await leased(store, page, owner="other")
    assert {} == await leased(store, page, now=NOON + LEASE)


async def test_a_message_that_is_settled_is_nobody_s(store, page):
    await begin(store, page)
    await finish(store, delivered(page))

    assert {} == await leased(store, page)


async def test_an_attempt_has_its_row_before_it_ends(store, page):
    await begin(store, page)

    assert [(1, "SENDING", None, 1)] == await attempts(store, page)
    assert {page: Leased(attempts=1, is_cut_off=True)} == await leased(store, page)


async def test_an_attempt_that_failed_has_ended(store, page):
    await begin(store, page)
    await finish(store, failed(page, again=NOON))
    await claim(store)

    assert {page: Leased(attempts=1, is_cut_off=False)} == await leased(store, page)


async def test_an_attempt_renews_the_lease(store, page):
    await begin(store, page, at=NOON + 20 * SECOND)

    assert page in await leased(store, page, now=NOON + LEASE + 19 * SECOND)


async def test_a_delivery_ends_the_attempt_and_the_row(store, page):
    await begin(store, page)

    decided = await finish(store, delivered(page, external_id="C1:17", metadata={"answer": "ok"}))

    assert {page} == decided
    assert ("SENT", 1, 1, None, 1, None) == await outbox_row(store, page)
    assert [(1, "SENT", None, 0)] == await attempts(store, page)
    query = "SELECT ExternalId, Metadata FROM data_incident_communication WHERE CommunicationGuid = :guid"
    assert [("C1:17", '{"answer":"ok"}')] == await look(store, query, guid=page)


async def test_a_failure_ends_the_attempt_and_the_row_waits_as_it_was(store, page):
    await begin(store, page)

    await finish(store, failed(page, again=NOON + SECOND))

    assert ("PENDING", 1, 0, None, 1, "no route") == await outbox_row(store, page)
    assert [(1, "FAILED", "no route", 0)] == await attempts(store, page)
    query = "SELECT Metadata FROM data_incident_communication WHERE CommunicationGuid = :guid"
    assert [('{"n":1}',)] == await look(store, query, guid=page)


async def test_an_ambiguous_failure_is_called_so(store, page):
    await begin(store, page)

    await finish(store, failed(page, again=NOON, is_ambiguous=True))

    assert [(1, "AMBIGUOUS", "no route", 0)] == await attempts(store, page)


async def test_a_row_that_is_given_up_is_failed(store, page):
    await begin(store, page)

    assert {page} == await finish(store, failed(page))
    assert ("FAILED", 1, 1, None, 1, "no route") == await outbox_row(store, page)


async def test_a_long_external_id_is_cut(store, page):
    await begin(store, page)

    await finish(store, delivered(page, external_id="x" * 300))

    query = "SELECT LENGTH(ExternalId) FROM data_incident_communication WHERE CommunicationGuid = :guid"
    assert [(255,)] == await look(store, query, guid=page)


async def test_a_late_failure_does_not_undo_what_another_began_meanwhile(store, page):
    await begin(store, page)
    await claim(store, owner="quick", now=NOON + 2 * LEASE)
    await begin(store, page, number=2, owner="quick", at=NOON + 2 * LEASE)

    decided = await finish(store, failed(page, number=1))

    assert frozenset() == decided
    assert "PENDING" == (await outbox_row(store, page))[0]
    assert {page} == set(await leased(store, page, owner="quick", now=NOON + 2 * LEASE))
    assert [(1, "FAILED", "no route", 0), (2, "SENDING", None, 1)] == await attempts(store, page)


async def test_a_late_delivery_is_one(store, page):
    await begin(store, page)
    await claim(store, owner="quick", now=NOON + 2 * LEASE)
    await begin(store, page, number=2, owner="quick", at=NOON + 2 * LEASE)
    await finish(store, failed(page, number=2))

    assert {page} == await finish(store, delivered(page, number=1))
    assert ("SENT", 2, 1, None, 1, None) == await outbox_row(store, page)


async def test_a_second_delivery_decides_nothing(store, page):
    await begin(store, page)
    await finish(store, delivered(page, external_id="first"))

    assert frozenset() == await finish(store, delivered(page, external_id="second"))


async def test_many_are_settled_at_once_each_as_it_went(store):
    pages = [a_page(incident=None) for _ in range(50)]
    await queue(store, *pages)
    guids = await claim(store)
    await store.write(lambda transaction: transaction.begin(dict.fromkeys(guids, 1), owner="me", at=NOON, lease_until=NOON + LEASE))

    await finish(store, *(failed(guid) if n % 10 == 0 else delivered(guid, external_id=f"id-{n}") for n, guid in enumerate(guids)))

    counts = "SELECT Status, COUNT(*), COUNT(DISTINCT ExternalId) FROM data_incident_communication GROUP BY Status ORDER BY Status"
    assert [("FAILED", 5, 0), ("SENT", 45, 45)] == await look(store, counts)


async def test_only_our_own_leases_are_given_back(store, page):
    await store.give_back([page], "other")
    kept = await claim(store, owner="third")
    await store.give_back([page], "me")
    free = await claim(store, owner="third")

    assert ([], [page]) == (kept, free)


async def test_the_thread_is_the_first_message_that_was_delivered(store):
    sent = {"status": CommunicationStatus.SENT, "next_attempt_at": None}
    await queue(
        store,
        a_page(status=CommunicationStatus.FAILED, next_attempt_at=None, external_id="failed"),
        a_page(**sent, timestamp=NOON + SECOND, external_id="second"),
        a_page(**sent, timestamp=NOON, external_id="first"),
        a_page(**sent, timestamp=NOON - SECOND),
        a_page(**sent, timestamp=NOON - SECOND, channel=Channel.DISCORD, external_id="elsewhere"),
        a_page(**sent, timestamp=NOON - SECOND, recipient="#dev", external_id="another"),
        a_page("b", **sent, timestamp=NOON - SECOND, external_id="of b"),
    )

    assert "first" == await thread(store)
    assert await thread(store, channel=Channel.SMS) is None


async def test_a_message_that_told_of_several_incidents_is_no_thread(store):
    sent = {"status": CommunicationStatus.SENT, "next_attempt_at": None}
    bundle = {"bundle": {"message": "REF-1", "count": 2}}
    await queue(
        store, a_page(**sent, external_id="shared", metadata=bundle), a_page(**sent, timestamp=NOON + SECOND, external_id="own")
    )

    assert "own" == await thread(store)
