"""A message that cannot be recorded is found among the others, ends as a FAILED row, and holds nobody up."""

from __future__ import annotations

import pytest

from axion_bus.domain.communication import CommunicationStatus
from tests.fakes import time_passes, until

MANY = 256


def rows(store):
    return {row.communication.message: row.communication for row in store.tables.rows.values()}


def accepts_no(*words):
    """A database that does not take an accepted alert with one of ``words``."""

    def refuses(changes):
        accepted = (row.message for row in changes.communications if row.status is CommunicationStatus.RECEIVED)
        return any(word in message for message in accepted for word in words)

    return refuses


@pytest.mark.parametrize("place", [0, 1, 100, MANY - 1])
async def test_exactly_the_culprit_is_failed(recorder, bus, store, stop, place):
    messages = [bus.message({"title": "poison" if number == place else f"alert {number}"}) for number in range(MANY)]
    store.refuses = accepts_no("poison")

    await recorder.record(messages, stop)

    failed = [text for text, row in rows(store).items() if row.status is CommunicationStatus.FAILED]
    assert (['{"title": "poison"}'], MANY) == (failed, len(rows(store)))
    assert [message.body for message in messages] == bus.acknowledged


async def test_the_culprit_is_found_by_halving(recorder, bus, store, stop):
    store.refuses = accepts_no("poison")

    await recorder.record([bus.message({"title": "poison" if number == 77 else str(number)}) for number in range(MANY)], stop)

    assert store.writes == 2 * 8 + 1 + 1  # each of 8 halvings tries two halves; the whole at first, the FAILED row at last


async def test_several_culprits_are_found(recorder, bus, store, stop):
    store.refuses = accepts_no("poison")

    await recorder.record(
        [bus.message({"title": f"{'poison' if number % 10 == 3 else 'ok'} {number}"}) for number in range(50)], stop
    )

    failed = [row for row in rows(store).values() if row.status is CommunicationStatus.FAILED]
    assert (5, 50, 50) == (len(failed), len(rows(store)), len(bus.acknowledged))


async def test_the_failed_row_keeps_the_bytes_and_the_reason(recorder, bus, store, stop):
    store.refuses = accepts_no("poison")

    await recorder.record([bus.message({"title": "poison"})], stop)

    [row] = rows(store).values()
    assert (b'{"title": "poison"}', "internal") == (row.raw, row.metadata["reason"])
    assert "ValueError: the database does not take this data" in row.error_message
    assert row.error_message == bus.outcomes[0][0].error


async def test_a_culprit_does_nothing_else(recorder, bus, store, stop):
    store.refuses = accepts_no("poison")

    await recorder.record([bus.message({"title": "poison", "severity": "CRITICAL"})], stop)

    assert ({}, {}) == (store.tables.alerts, store.tables.incidents)


async def test_bytes_that_cannot_be_written_at_all_are_told_of_without_them(recorder, intake, bus, store, stop):
    store.refuses = lambda changes: any("poison" in row.message or "poison" in row.recipient for row in changes.communications)
    intake.deliver(bus.message({"title": "poison"}, address="poison/topic"))

    await recorder.record(await intake.next_batch(stop), stop)

    assert [("", "", b"")] == [(row.message, row.recipient, row.raw) for row in rows(store).values()]
    assert (1, 0, 0) == (len(bus.acknowledged), intake.held, intake._held_bytes)


async def test_a_database_that_takes_nothing_at_all_is_waited_for_and_no_message_is_blamed(recording, deliver, bus, store):
    store.refuses = lambda _changes: True

    async with recording():
        deliver({"title": "API slow"})
        await time_passes(60)
        assert bus.acknowledged == []
        store.refuses = lambda _changes: False
        await until(lambda: bus.acknowledged, within_s=5)

    assert ["RECEIVED"] == [row.status for row in rows(store).values()]


async def test_a_database_that_takes_nothing_does_not_keep_the_daemon_from_stopping(recording, deliver, bus, store):
    store.refuses = lambda _changes: True

    async with recording() as worker:
        deliver({"title": "API slow"})
        await time_passes(10)

    assert (True, []) == (worker.done(), bus.acknowledged)


async def test_a_message_that_our_own_code_cannot_read_is_failed(make_recorder, bus, store, stop):
    class Broken:
        def name_of(self, received):
            return "axion/alerts/#"

        def decode(self, received):
            raise RecursionError("too deep for us")

    await make_recorder(sources=Broken()).record([bus.message(b"x")], stop)

    [row] = rows(store).values()
    assert ("FAILED", "internal: RecursionError: too deep for us", b"x") == (row.status, row.error_message, row.raw)
    assert bus.acknowledged == [b"x"]


async def test_a_message_that_no_rule_can_judge_is_failed(make_recorder, bus, store, stop):
    await make_recorder(rules=()).record([bus.message({"title": "API slow"})], stop)

    assert ["FAILED"] == [row.status for row in rows(store).values()]
