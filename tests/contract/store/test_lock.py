"""One daemon at a time: who holds the lock, who is refused, and what happens when it is lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from axion_bus.errors import AlreadyRunning, StoreUnavailable
from axion_bus.store.lock import LockTimes, ServerLock, hold
from axion_bus.store.migrate import prepare
from axion_bus.store.sql import open_store
from tests.contract.store.scenes import a_message, look, save
from tests.servers import MariaDb, TcpProxy, wait_until

HOLDER = """
import asyncio, sys
from axion_bus.store.lock import hold
from axion_bus.store.sql import open_store
async def main():
    async with open_store(sys.argv[1], password=None, pool_size=1, timeout_s=10) as store, hold(store.engine, sys.argv[2]) as lock:
        print("held", flush=True)
        await lock.watch(asyncio.Event())
asyncio.run(main())
"""
QUICK = LockTimes(patience_s=0, check_every_s=0.05, forgotten_after_s=1)
"""Nobody lets go while we wait, so we need not wait long."""


@pytest.fixture(scope="module")
def killable(tmp_path_factory):
    with MariaDb(tmp_path_factory.mktemp("mariadb")) as opened:
        yield opened


@pytest.fixture
async def own_store(killable):
    """A store on a server that the test may kill."""
    if not killable.is_running:
        killable.start()
    async with open_store(killable.fresh_database(), password=None, pool_size=2, timeout_s=10) as store:
        await prepare(store.engine)
        yield store


def start_holder(url, client_id="axion-bus"):
    command = [sys.executable, "-c", HOLDER, url, client_id]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."})
    assert process.stdout.readline() == b"held\n"
    return process


async def take(store, client_id="axion-bus"):
    """Whether the lock can be had."""
    try:
        async with hold(store.engine, client_id, QUICK):
            return True
    except AlreadyRunning:
        return False


async def test_a_second_holder_is_refused(store, other_store):
    async with hold(store.engine, "axion-bus"):
        with pytest.raises(AlreadyRunning, match="another daemon"):
            async with hold(other_store.engine, "axion-bus", QUICK):
                pass


async def test_a_second_process_is_refused(store, url):
    process = start_holder(url)

    taken = await take(store)
    process.kill()
    process.communicate()

    assert not taken


async def test_a_killed_holder_holds_nothing(store, url):
    process = start_holder(url)
    process.kill()
    process.communicate()

    await asyncio.to_thread(wait_until, lambda: asyncio.run(_can_take(url)), "the lock is free", timeout_s=5)


async def _can_take(url):
    async with open_store(url, password=None, pool_size=1, timeout_s=5) as store:
        return await take(store)


async def test_whoever_lets_go_holds_nothing(store, other_store):
    async with hold(store.engine, "axion-bus"):
        pass

    assert await take(other_store)


async def test_the_lock_can_be_taken_again_by_the_same_process(store):
    taken = [await take(store) for _ in range(3)]

    assert [True] * 3 == taken


async def test_two_client_ids_may_work_on_one_server(mariadb_store):
    async with hold(mariadb_store.engine, "a"):
        assert await take(mariadb_store, "b")


async def test_one_client_id_may_be_used_on_two_databases_of_a_server(mariadb_store, mariadb):
    async with hold(mariadb_store.engine, "a"), open_store(mariadb.fresh_database(), password=None, pool_size=1, timeout_s=5) as it:
        assert await take(it, "a")


async def test_only_one_daemon_works_on_a_file_whatever_its_client_id(sqlite_store):
    async with hold(sqlite_store.engine, "a"):
        assert not await take(sqlite_store, "b")


async def test_the_lock_needs_no_connection_of_the_pool(empty_mariadb):
    async with open_store(empty_mariadb, password=None, pool_size=1, timeout_s=2) as store, hold(store.engine, "a"):
        await save(store, communications=[a_message()])

        assert [(1,)] == await look(store, "SELECT COUNT(*) FROM data_incident_communication")


async def test_a_lock_file_that_cannot_be_made_is_unavailable(tmp_path):
    async with open_store(f"sqlite:///{tmp_path}/nowhere/axion-bus.db", password=None, pool_size=1, timeout_s=5) as store:
        with pytest.raises(StoreUnavailable, match="No such file or directory"):
            await take(store)


async def test_a_server_that_is_away_is_unavailable(own_store, killable):
    killable.kill()

    with pytest.raises(StoreUnavailable):
        await take(own_store)


async def test_watching_ends_with_the_stop(store):
    stop = asyncio.Event()
    stop.set()

    async with asyncio.timeout(5), hold(store.engine, "axion-bus") as held:
        await held.watch(stop)


@asynccontextmanager
async def watched(store):
    """The lock, held and watched; the task that watches."""
    stop = asyncio.Event()
    async with hold(store.engine, "axion-bus", QUICK) as held:
        watching = asyncio.create_task(held.watch(stop))
        yield watching
        stop.set()
        await watching


def holder(server, store):
    """The connection that has the lock, by its number."""
    with server.connect() as cursor:
        cursor.execute("SELECT IS_USED_LOCK(%s)", (ServerLock(store.engine, "axion-bus", QUICK).name,))
        ((number,),) = cursor.fetchall()
        return number


async def next_holder(server, store, before=None):
    """The connection that has the lock, when it is another than ``before``."""

    def another():
        number = holder(server, store)
        return number if number != before else None

    return await asyncio.to_thread(wait_until, another, "the lock is held again")


async def test_a_lost_lock_is_taken_again_when_the_server_is_back(own_store, killable):
    async with watched(own_store):
        killable.kill()
        killable.start()

        await next_holder(killable, own_store)
        assert not await take(own_store)


async def test_a_connection_that_is_killed_is_noticed_and_the_lock_taken_again(own_store, killable):
    async with watched(own_store):
        before = holder(killable, own_store)
        kill(killable, before)

        assert before != await next_holder(killable, own_store, before)


async def test_whoever_finds_its_lost_lock_with_another_has_to_go(own_store, killable):
    async with hold(own_store.engine, "axion-bus", QUICK) as held:
        with killable.connect() as cursor:
            kill(killable, holder(killable, own_store))
            cursor.execute("SELECT GET_LOCK(%s, 5)", (held.name,))

            with pytest.raises(AlreadyRunning, match="another daemon runs with this"):
                await asyncio.wait_for(held.watch(asyncio.Event()), 30)


def kill(server, number):
    with server.connect() as cursor:
        cursor.execute(f"KILL {number}")


async def test_a_server_forgets_a_holder_whose_connection_broke_without_a_word(mariadb_store, mariadb):
    head, _, database = mariadb_store.engine.url.set(drivername="mysql").render_as_string().rpartition("/")
    with TcpProxy(mariadb.port) as proxy:
        through = f"{head.rpartition(':')[0]}:{proxy.port}/{database}"
        async with open_store(through, password=None, pool_size=1, timeout_s=2) as store, hold(store.engine, "axion-bus", QUICK):
            proxy.freeze()

            await asyncio.to_thread(wait_until, lambda: holder(mariadb, mariadb_store) is None, "the lock is free", timeout_s=10)
            proxy.thaw()


async def test_a_holder_takes_its_lock_again_although_the_server_has_not_noticed_the_loss(mariadb_store, mariadb):
    """Its own old connection still has the lock."""
    held = ServerLock(mariadb_store.engine, "axion-bus", QUICK)
    await held.take(0)
    old = holder(mariadb, mariadb_store)
    lost, held._connection = held._connection, None

    await held.take(QUICK.forgotten_after_s + 3)

    assert old != holder(mariadb, mariadb_store)
    await held.close()
    held._connection = lost
    await held.close()
