"""Whose a message is when its turn comes, what a killed sender leaves behind, and a database that goes away in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from axion_bus.domain.communication import Channel, CommunicationStatus
from axion_bus.domain.delivery import Manner
from axion_bus.errors import StoreUnavailable
from axion_bus.pipeline.accounts import CHANNEL_RULE
from axion_bus.pipeline.delivery import Dispatch, Fate
from tests.builders import a_page
from tests.fakes import NOON, FakeChannel, LoopClock, time_passes

LEASE = Manner().lease
HOLD = Manner(holds_ambiguous=True)


@pytest.fixture
def clock():
    return LoopClock()


async def test_what_is_not_ours_any_more_is_not_sent(make_deliveries, claim, put, clock, row):
    put(a_page())
    rows = await claim()
    clock.advance(seconds=LEASE.total_seconds())
    channel = FakeChannel()

    fate = await make_deliveries().deliver(channel, Dispatch(name=Channel.SLACK, manner=Manner(), rows=rows))

    assert (Fate.NOT_OURS, [], "PENDING") == (fate, channel.letters, row().status.value)


async def test_what_somebody_else_has_is_left_out_of_a_bundle(make_deliveries, claim, put, store, row):
    put(*(a_page(f"page-{n}", incident=f"incident-{n}", title="t") for n in range(2)))
    rows = await claim()
    store.tables.rows["page-0"] = replace(store.tables.rows["page-0"], lease_owner="other")
    channel = FakeChannel()

    await make_deliveries().deliver(channel, Dispatch(name=Channel.SLACK, manner=Manner(), rows=rows))

    assert ["page-1"] == [letter.guid for letter in channel.letters]
    assert ("PENDING", "SENT") == (row("page-0").status.value, row("page-1").status.value)


@pytest.fixture
async def cut_off(put, claim, store, clock):
    """A message whose sender was killed between the first byte and the answer; its lease is over."""
    put(a_page())
    await claim(owner="killed")
    await store.write(
        lambda transaction: transaction.begin({"page-1": 1}, owner="killed", at=clock.now(), lease_until=clock.now() + LEASE)
    )
    clock.advance(seconds=LEASE.total_seconds() + 1)


async def test_what_a_killed_sender_perhaps_sent_is_sent_again_and_told_so(cut_off, send, row, store):
    fate = await send(FakeChannel())

    assert (Fate.SENT, "SENT") == (fate, row().status.value)
    assert [(1, True), (2, False)] == [(each.attempt, each.is_ambiguous) for each in store.tables.attempts]
    assert "perhaps delivered: the sender was cut off before it knew" == store.tables.attempts[0].error


async def test_what_a_killed_sender_perhaps_sent_is_left_to_a_person_where_that_is_wanted(cut_off, send, row, store):
    channel = FakeChannel()

    fate = await send(channel, manner=HOLD)

    assert (Fate.NOT_OURS, [], "FAILED") == (fate, channel.letters, row().status.value)
    assert [1] == [each.attempt for each in store.tables.attempts]
    assert 1 == sum(each.rule == CHANNEL_RULE for each in store.tables.incidents.values())


async def test_nothing_is_sent_while_the_database_is_away(make_deliveries, claim, put, store):
    put(a_page())
    rows = await claim()
    store.is_away = True
    channel = FakeChannel()

    with pytest.raises(StoreUnavailable):
        await make_deliveries().deliver(channel, Dispatch(name=Channel.SLACK, manner=Manner(), rows=rows))

    assert [] == channel.letters


async def test_what_was_sent_is_remembered_until_the_database_is_back(send, put, row, store, running):
    put(a_page())
    channel = FakeChannel(takes_s=1.0)
    channel.before = lambda _letter: setattr(store, "is_away", True)

    async with running(send(channel, settle_for_s=600.0)):
        await time_passes(300.0)
        store.is_away = False

    assert (1, "SENT") == (len(channel.letters), row().status.value)


async def test_what_cannot_be_settled_in_time_is_left_to_whoever_has_it_next(send, put, row, store):
    put(a_page())
    channel = FakeChannel()
    channel.before = lambda _letter: setattr(store, "is_away", True)

    with pytest.raises(StoreUnavailable):
        await send(channel)

    assert (CommunicationStatus.PENDING, {("page-1", 1): NOON}) == (row().status, store.tables.begun)
