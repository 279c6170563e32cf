"""One message to a person: the row before the bytes, and what the other side's answer makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.domain.delivery import Manner
from axion_bus.errors import DeliveryFailed
from axion_bus.pipeline.delivery import Fate
from axion_bus.ports import Receipt
from tests.builders import a_page
from tests.fakes import NEVER, NOON, FakeChannel, LoopClock

TRANSIENT = DeliveryFailed("slack.com answered 503")
PERMANENT = DeliveryFailed("slack.com answered 401: invalid_auth", is_permanent=True)
AMBIGUOUS = DeliveryFailed("slack.com gave no answer within 10 s", is_ambiguous=True)
HOLD = Manner(holds_ambiguous=True)


@pytest.fixture
def clock():
    return LoopClock()


def outcome(row):
    return row.status.value, row.error_message


async def test_a_delivered_message_is_sent_and_what_the_provider_said_is_kept(send, put, row, store):
    put(a_page())

    fate = await send(FakeChannel(Receipt("C1:17", '{"ok":true}')))

    assert (Fate.SENT, "SENT", "C1:17", None) == (fate, row().status.value, row().external_id, row().next_attempt_at)
    assert '{"ok":true}' == row().metadata["answer"]
    assert [("page-1", 1, None)] == [(each.guid, each.attempt, each.error) for each in store.tables.attempts]


async def test_an_attempt_has_its_row_before_a_byte_leaves(send, put, store):
    put(a_page())
    channel, seen = FakeChannel(), []
    channel.before = lambda _letter: seen.append((dict(store.tables.begun), store.tables.rows["page-1"].attempts))

    await send(channel)

    assert [({("page-1", 1): NOON}, 1)] == seen
    assert {} == store.tables.begun


async def test_what_is_told_is_what_was_queued(send, put):
    page = a_page(occasion="closed")
    put(replace(page, metadata={**page.metadata, "html": "<p>x</p>", "incident": {"status": "CLOSED"}}))
    channel = FakeChannel()

    await send(channel)

    [letter] = channel.letters
    assert ("page-1", "REF-page-1", "#ops", "[HIGH] page-1 REF-page-1", "All about page-1.\n", "<p>x</p>") == (
        letter.guid, letter.reference, letter.recipient, letter.subject, letter.text, letter.html,
    )  # fmt: skip
    assert ("incident-1", "closed", {"status": "CLOSED"}) == (letter.incident_guid, letter.occasion, letter.incident)


async def test_what_fails_for_now_waits_for_its_next_attempt(send, put, row, store):
    put(a_page())

    fate = await send(FakeChannel(TRANSIENT))

    assert (Fate.POSTPONED, ("PENDING", "slack.com answered 503")) == (fate, outcome(row()))
    assert NOON <= row().next_attempt_at <= NOON + timedelta(seconds=1)
    assert [(1, "slack.com answered 503", False)] == [(a.attempt, a.error, a.is_ambiguous) for a in store.tables.attempts]


async def test_a_provider_is_asked_again_no_sooner_than_it_wishes(send, put, row):
    put(a_page())

    await send(FakeChannel(DeliveryFailed("slack.com answered 429", retry_after_s=77)))

    assert NOON + timedelta(seconds=77) == row().next_attempt_at


async def test_what_is_refused_is_given_up_at_once(send, put, row):
    put(a_page())

    fate = await send(FakeChannel(PERMANENT))

    assert (Fate.REFUSED, ("FAILED", "slack.com answered 401: invalid_auth")) == (fate, outcome(row()))
    assert row().next_attempt_at is None


async def test_what_has_failed_for_long_enough_is_given_up(send, put, row, clock):
    put(a_page())
    clock.advance(hours=24)

    fate = await send(FakeChannel(TRANSIENT))

    assert (Fate.GIVEN_UP, ("FAILED", "slack.com answered 503")) == (fate, outcome(row()))


async def test_what_perhaps_was_delivered_is_sent_again(send, put, row, store):
    put(a_page())

    fate = await send(FakeChannel(AMBIGUOUS))

    assert (Fate.POSTPONED, "PENDING") == (fate, row().status.value)
    assert "perhaps delivered: slack.com gave no answer within 10 s" == row().error_message
    assert [True] == [each.is_ambiguous for each in store.tables.attempts]


async def test_what_perhaps_was_delivered_is_left_to_a_person_where_that_is_wanted(send, put, row):
    put(a_page())

    fate = await send(FakeChannel(AMBIGUOUS), manner=HOLD)

    assert (Fate.GIVEN_UP, "FAILED") == (fate, row().status.value)


async def test_what_certainly_was_not_delivered_is_sent_again_all_the_same(send, put, row):
    put(a_page())

    await send(FakeChannel(TRANSIENT), manner=HOLD)

    assert "PENDING" == row().status.value


async def test_a_channel_that_does_not_keep_its_own_time_limit_is_cut_off(send, put, row, clock):
    put(a_page())

    await send(FakeChannel(NEVER), manner=Manner(timeout_s=10))

    assert ("PENDING", "perhaps delivered: channel SLACK gave no answer in time") == outcome(row())
    assert NOON + timedelta(seconds=15) == clock.now()


async def test_a_channel_s_bug_fails_its_message(send, put, row):
    put(a_page())

    fate = await send(FakeChannel(KeyError("ts")))

    assert (Fate.REFUSED, ("FAILED", "KeyError: 'ts'")) == (fate, outcome(row()))


async def test_what_cannot_be_kept_as_it_is_written_is_kept_as_it_can_be(send, put, row):
    put(a_page())

    await send(FakeChannel(DeliveryFailed("550 \udcff" + "x" * 5000, is_permanent=True)))

    assert "550 ?" + "x" * 1019 == row().error_message


async def test_what_the_database_does_not_take_of_an_answer_is_left_out(send, put, row, store):
    put(a_page())
    store.refuses_settlement = lambda each: each.metadata is not None

    fate = await send(FakeChannel(Receipt("C1:17", "odd")))

    assert (Fate.SENT, "SENT", None, False) == (fate, row().status.value, row().external_id, "answer" in row().metadata)


async def test_what_the_database_does_not_take_of_an_error_is_left_out(send, put, row, store):
    put(a_page())
    store.refuses_settlement = lambda each: each.metadata is not None

    await send(FakeChannel(PERMANENT))

    assert ("FAILED", "not delivered; what the other side said cannot be kept") == outcome(row())
