"""Races, waits and cancellations: a transaction is done whole or not at all, and what comes after it finds everything in order."""

from __future__ import annotations

import asyncio
from contextlib import closing
from itertools import count

import apsw
import pytest

from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.ports import Changes
from axion_bus.store.sql import open_store
from tests.contract.store.scenes import a_message, a_record, look, open_alerts, save

MESSAGES = "SELECT COUNT(*) FROM data_incident_communication"


async def test_the_loser_of_a_deadlock_runs_again(mariadb_store):
    await save(mariadb_store, new_alerts=[a_record("a"), a_record("b")])
    both_have_one = asyncio.Barrier(2)
    tries = count()

    async def work(transaction, first, second):
        number = next(tries)
        await open_alerts(transaction, [f"fingerprint-{first}"])
        if number < 2:
            await both_have_one.wait()
        await open_alerts(transaction, [f"fingerprint-{second}"])
        await transaction.save(Changes(communications=[a_message()]))

    async with asyncio.timeout(5):
        await asyncio.gather(
            mariadb_store.write(lambda transaction: work(transaction, "a", "b")),
            mariadb_store.write(lambda transaction: work(transaction, "b", "a")),
        )

    assert 3 == next(tries)
    assert [(2,)] == await look(mariadb_store, MESSAGES)


async def test_transactions_on_different_alerts_do_not_wait_for_each_other(mariadb_store):
    """Nor do they when the table is so small that the server would rather read it whole."""
    await save(mariadb_store, new_alerts=[a_record(str(number)) for number in range(20)])

    async def work(transaction):
        await open_alerts(transaction, [f"fingerprint-{number}" for number in range(10)])
        async with asyncio.timeout(4):
            await mariadb_store.write(lambda other: open_alerts(other, [f"fingerprint-{number}" for number in range(10, 20)]))

    await mariadb_store.write(work)


async def test_whoever_waits_too_long_for_a_lock_gives_up_everything_and_begins_again(empty_mariadb):
    """A server rolls back only the statement that waited (innodb_rollback_on_timeout), so the rest must be rolled back by us."""
    tries = count(1)
    holding, enough = asyncio.Event(), asyncio.Event()

    async def hold(transaction):
        await open_alerts(transaction, ["fingerprint-a"])
        holding.set()
        await enough.wait()

    async def wait(transaction):
        number = next(tries)
        await transaction.save(Changes(communications=[a_message(guid=f"try-{number}")]))
        if number == 2:
            enough.set()
        await open_alerts(transaction, ["fingerprint-a"])

    async with open_store(empty_mariadb, password=None, pool_size=5, timeout_s=2) as store:
        await save(store, new_alerts=[a_record()])
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(store.write(hold))
            await holding.wait()
            group.create_task(store.write(wait))

        assert [("try-2",)] == await look(store, "SELECT CommunicationGuid FROM data_incident_communication")


async def test_who_reads_first_and_then_writes_to_a_file_need_not_run_twice(sqlite_store, other_sqlite_store):
    """A transaction that became a writer only then would find, again and again, that another one had written meanwhile."""
    tries = count()

    async def work(transaction):
        next(tries)
        await transaction.accepted(["a"])
        await transaction.save(Changes(communications=[a_message()]))

    await asyncio.gather(*(each.write(work) for each in [sqlite_store, other_sqlite_store] * 10))

    assert 20 == next(tries)


async def test_a_file_that_another_process_writes_to_is_waited_for(sqlite_store):
    with closing(apsw.Connection(sqlite_store.engine.url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")

        await save(sqlite_store, communications=[a_message()])

    assert [(1,)] == await look(sqlite_store, MESSAGES)


async def test_a_file_that_another_process_never_gives_up_is_told_of(empty_sqlite):
    async with open_store(empty_sqlite, password=None, pool_size=5, timeout_s=0.6) as store:
        with closing(apsw.Connection(store.engine.url.database)) as other:
            other.execute("BEGIN IMMEDIATE")

            with pytest.raises(StoreConflict, match="database is locked"):
                await save(store, communications=[a_message()])

            other.execute("ROLLBACK")
        await save(store, communications=[a_message()])

        assert [(1,)] == await look(store, MESSAGES)


async def begin_and_wait(transaction, begun):
    await transaction.save(Changes(new_alerts=[a_record()]))
    begun.set()
    await asyncio.Event().wait()


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_is_not_missed(store, other_store):
    for _ in range(7):  # more than the pool has connections
        begun = asyncio.Event()
        task = asyncio.create_task(store.write(lambda transaction, begun=begun: begin_and_wait(transaction, begun)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await asyncio.gather(*(save(store, communications=[a_message()]) for _ in range(10)))

    assert [(0,)] == await look(other_store, "SELECT COUNT(*) FROM data_alert")
    assert [(10,)] == await look(other_store, MESSAGES)


async def test_a_statement_that_is_cancelled_leaves_nothing_behind(mariadb_store):
    async def work(transaction):
        await transaction.save(Changes(new_alerts=[a_record()]))
        await transaction.connection.exec_driver_sql("SELECT SLEEP(60)")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await mariadb_store.write(work)

    async with asyncio.timeout(5):
        assert [(0,)] == await look(mariadb_store, "SELECT COUNT(*) FROM data_alert")


async def test_a_wait_for_a_file_that_is_cancelled_keeps_no_lock(empty_sqlite, sqlite_store):
    with closing(apsw.Connection(sqlite_store.engine.url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(save(sqlite_store, communications=[a_message()]))
        asyncio.get_running_loop().call_later(0.1, task.cancel)
        asyncio.get_running_loop().call_later(0.3, other.execute, "ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await task

        await asyncio.to_thread(other_write, sqlite_store.engine.url.database)

    assert [(0,)] == await look(sqlite_store, MESSAGES)


def other_write(path):
    with closing(apsw.Connection(path)) as other:
        other.set_busy_timeout(5000)
        other.execute("BEGIN IMMEDIATE; ROLLBACK")


async def test_no_answer_in_time_is_told_of_and_the_next_transaction_works(empty_mariadb):
    async with open_store(empty_mariadb, password=None, pool_size=1, timeout_s=0.5) as store:

        async def work(transaction):
            await transaction.save(Changes(new_alerts=[a_record()]))
            await transaction.connection.exec_driver_sql("SELECT SLEEP(60)")

        with pytest.raises(StoreUnavailable, match=r"gave no answer within 0\.5 s; is it overloaded or stalled\?"):
            await store.write(work)

        assert [(0,)] == await look(store, "SELECT COUNT(*) FROM data_alert")


async def test_an_error_of_the_work_itself_comes_out_as_it_is_and_nothing_is_written(store):
    async def work(transaction):
        await transaction.save(Changes(new_alerts=[a_record()]))
        raise KeyError("a bug of ours")

    with pytest.raises(KeyError, match="a bug of ours"):
        await store.write(work)

    assert [(0,)] == await look(store, "SELECT COUNT(*) FROM data_alert")


async def test_more_transactions_than_connections_wait_their_turn(store):
    await asyncio.gather(*(save(store, communications=[a_message()]) for _ in range(50)))

    assert [(50,)] == await look(store, MESSAGES)
