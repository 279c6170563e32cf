"""What the broker has lost is told in the audit stream, once, whatever the database does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.ports import Changes, Slot
from tests.fakes import NOON, Row, time_passes, until
from tests.unit.pipeline.gaps import KNOWN, reasons, rows


async def test_a_session_that_the_broker_no_longer_has_is_a_gap(telling, store):
    await telling(lambda gaps: gaps.told_session(present=False, filters=["a/#"]))

    [row] = rows(store)
    assert (Direction.INBOUND, CommunicationStatus.FAILED, "axion-bus-test") == (row.direction, row.status, row.recipient)
    assert "session_lost: the broker has no session for client id axion-bus-test, which it had at 2026-01-31T11:00:00Z" in (
        row.error_message
    )


async def test_a_session_that_the_broker_kept_is_none(telling, store):
    await telling(lambda gaps: gaps.told_session(present=True, filters=["a/#"]))

    assert [] == rows(store)


async def test_a_client_id_that_never_had_a_session_has_lost_none(telling, store):
    await telling(lambda gaps: gaps.told_session(present=False, filters=["a/#"]), Slot(client_id="axion-bus-test"))

    assert [] == rows(store)


async def test_the_session_is_remembered_for_the_next_start(telling, store):
    await telling(lambda gaps: gaps.told_session(present=False, filters=["a/#"]), Slot(client_id="axion-bus-test"))

    slot = store.tables.slots["axion-bus-test"]
    assert (NOON, ("a/#",)) == (slot.subscribed_at, slot.filters)


async def test_a_session_that_is_lost_twice_is_two_gaps(telling, store):
    def tell(gaps):
        gaps.told_session(present=False, filters=["a/#"])
        gaps.told_session(present=True, filters=["a/#"])
        gaps.told_session(present=False, filters=["a/#"])

    await telling(tell)

    assert ["session_lost"] * 2 == reasons(store)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([100], []),
        ([100, 100, 100], []),
        ([103], [3]),
        ([103, 103, 110], [3, 7]),
        ([0], []),
        ([0, 0, 4], [4]),
        ([5], [5]),
        ([5, 105], [5, 100]),
    ],
)
async def test_what_the_broker_dropped_since_it_told_last_is_a_gap_also_across_its_restarts(telling, store, counts, told):
    await telling(lambda gaps: [gaps.told_dropped(count) for count in counts])

    assert ["broker_dropped"] * len(told) == reasons(store)
    assert all(f"dropped {number} messages" in row.error_message for number, row in zip(told, rows(store), strict=True))
    if counts != [100] * len(counts):
        assert counts[-1] == store.tables.slots["axion-bus-test"].broker_dropped


async def test_what_the_broker_dropped_before_we_ever_asked_is_no_gap_of_ours(telling, store):
    await telling(lambda gaps: gaps.told_dropped(5000), Slot(client_id="axion-bus-test"))

    assert ([], 5000) == (rows(store), store.tables.slots["axion-bus-test"].broker_dropped)


async def test_what_the_broker_dropped_while_we_were_away_is_a_gap(telling, store):
    await telling(lambda gaps: gaps.told_dropped(100 + 42), replace(KNOWN))

    assert "dropped 42 messages" in rows(store)[0].error_message


async def test_while_the_database_is_away_nothing_told_is_forgotten(make_gaps, running, stop, store, progress):
    gaps = make_gaps()
    store.is_away = True

    async with running(gaps.run(stop), gaps.wake):
        gaps.told_session(present=False, filters=["a/#"])
        await time_passes(30.5)
        assert progress.waiting == "store"
        gaps.told_dropped(107)
        await time_passes(30)
        store.is_away = False
        await until(lambda: len(rows(store)) == 2, within_s=2)

    assert (["session_lost", "broker_dropped"], 107) == (reasons(store), store.tables.slots["axion-bus-test"].broker_dropped)


async def test_a_gap_is_told_once_though_the_answer_of_the_database_was_lost(telling, store):
    store.loses_answers = 2

    await telling(lambda gaps: (gaps.told_session(present=False, filters=["a/#"]), gaps.told_dropped(101)))

    assert ["session_lost", "broker_dropped"] == reasons(store)


async def test_after_a_lost_answer_what_is_told_next_is_written(make_gaps, running, stop, store):
    gaps = make_gaps()
    store.loses_answers = 1

    async with running(gaps.run(stop), gaps.wake):
        gaps.told_session(present=False, filters=["a/#"])
        await time_passes(5)
        gaps.told_dropped(150)
        await time_passes(5)

    assert (["session_lost", "broker_dropped"], 150) == (reasons(store), store.tables.slots["axion-bus-test"].broker_dropped)


async def test_what_is_told_while_another_is_being_written_is_written_next(make_gaps, running, stop, store):
    gaps = make_gaps()

    def tells_another(_changes):
        if not store.tables.rows and len(gaps._rows) == 1:
            gaps.told_dropped(101)
        return False

    store.refuses = tells_another

    async with running(gaps.run(stop), gaps.wake):
        gaps.told_session(present=False, filters=["a/#"])
        await time_passes(1)

    assert ["session_lost", "broker_dropped"] == reasons(store)


async def test_a_reference_that_another_daemon_has_given_out_is_changed(make_gaps, running, stop, store):
    gaps = make_gaps()
    gaps.told_session(present=False, filters=["a/#"])
    mine = gaps._rows[0]
    store.rivals.append(Changes(communications=[replace(mine, guid="another")]))

    async with running(gaps.run(stop), gaps.wake):
        await until(lambda: len(rows(store)) == 2)

    assert Row(mine) not in store.tables.rows.values()


async def test_what_is_told_last_is_written_before_the_end(make_gaps, running, stop, store):
    gaps = make_gaps()

    async with running(gaps.run(stop), gaps.wake):
        await time_passes(1)
        gaps.told_session(present=False, filters=["a/#"])
        stop.set()

    assert ["session_lost"] == reasons(store)


async def test_a_database_that_is_away_does_not_keep_the_daemon_from_stopping(make_gaps, running, stop, store):
    gaps = make_gaps()
    store.is_away = True

    async with running(gaps.run(stop), gaps.wake) as worker:
        gaps.told_session(present=False, filters=["a/#"])
        await time_passes(10)

    assert worker.done()


async def test_without_news_nothing_is_written(make_gaps, running, stop, store, progress):
    gaps = make_gaps()

    async with running(gaps.run(stop), gaps.wake):
        await time_passes(60)
        assert progress.waiting == "news of the broker"

    assert store.writes == 0


@pytest.mark.parametrize(
    ("tell", "said"),
    [
        (lambda gaps: gaps.told_overflow(312, NOON), "signals_dropped: 312 signals were not taken since 2026-01-31T12:00:00Z"),
        (lambda gaps: gaps.told_overflow(1, NOON), "signals_dropped: one signal was not taken since 2026-01-31T12:00:00Z"),
        (lambda gaps: gaps.told_away(NOON), "signals_missed: not on the bus from 2026-01-31T12:00:00Z until now"),
    ],
)
async def test_signals_that_were_lost_are_a_gap_of_dbus(telling, store, tell, said):
    await telling(tell)

    [row] = rows(store)
    assert ("DBUS", "/org/axion/Bus1", Direction.INBOUND, CommunicationStatus.FAILED) == (
        row.channel,
        row.recipient,
        row.direction,
        row.status,
    )
    assert row.error_message.startswith(said)
