"""G9, the store's part: a disk that is full or fails is told apart, nothing is half written, and it goes on without a restart."""

from __future__ import annotations

import asyncio
import resource
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from axion_bus.errors import StoreUnavailable
from axion_bus.ports import Changes
from axion_bus.store.sql import open_store
from tests.contract.store.scenes import a_message, a_record, look, save

MESSAGES = "SELECT COUNT(*) FROM data_incident_communication"
LONG = "x" * 100_000


@contextmanager
def no_file_may_grow_over(size):
    """As on a disk without space: a write behind ``size`` bytes fails (setrlimit(2), RLIMIT_FSIZE)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def path_of(store):
    return Path(store.engine.url.database)


def is_sound(path):
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_disk_without_space_is_unavailable_until_there_is_some(sqlite_store):
    await save(sqlite_store, communications=[a_message()])

    with no_file_may_grow_over(path_of(sqlite_store).stat().st_size):
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="is there space, and may this user write there"):
                await save(sqlite_store, new_alerts=[a_record()], communications=[a_message(message=LONG) for _ in range(50)])
    await save(sqlite_store, communications=[a_message(message=LONG)])

    assert ([(2,)], [(0,)]) == (await look(sqlite_store, MESSAGES), await look(sqlite_store, "SELECT COUNT(*) FROM data_alert"))
    assert is_sound(path_of(sqlite_store))


async def test_what_fits_is_written_while_there_is_no_space_for_more(sqlite_store):
    with no_file_may_grow_over(path_of(sqlite_store).stat().st_size):
        with pytest.raises(StoreUnavailable):
            await save(sqlite_store, communications=[a_message(message=LONG) for _ in range(50)])

        assert [(0,)] == await look(sqlite_store, MESSAGES)


async def test_a_full_database_is_unavailable_until_it_may_grow(sqlite_store):
    async def limit(transaction, pages):
        await transaction.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    await sqlite_store.write(lambda transaction: limit(transaction, 1))  # SQLite takes it for "no page more than there are"
    with pytest.raises(StoreUnavailable, match="database or disk is full"):
        await save(sqlite_store, communications=[a_message(message=LONG) for _ in range(50)])

    await save(sqlite_store, communications=[a_message(message=LONG)])

    assert [(1,)] == await look(sqlite_store, MESSAGES)


async def test_a_directory_that_nothing_can_be_written_to_is_unavailable_until_it_can(sqlite_store):
    path = path_of(sqlite_store)
    await save(sqlite_store, communications=[a_message()])
    await sqlite_store.engine.dispose()
    journal = path.with_name(f"{path.name}-journal")
    journal.unlink(missing_ok=True)
    journal.mkdir()

    with pytest.raises(StoreUnavailable):
        await save(sqlite_store, communications=[a_message()])
    journal.rmdir()
    await save(sqlite_store, communications=[a_message()])

    assert [(2,)] == await look(sqlite_store, MESSAGES)


async def test_a_file_in_a_directory_that_is_not_there_is_unavailable(tmp_path):
    async with open_store(f"sqlite:///{tmp_path}/nowhere/axion-bus.db", password=None, pool_size=1, timeout_s=5) as store:
        with pytest.raises(StoreUnavailable, match="it is not there, or may not be read and written"):
            await look(store, "SELECT 1")


async def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "axion-bus.db").write_text("Dear diary, " * 1000)

    async with open_store(f"sqlite:///{tmp_path}/axion-bus.db", password=None, pool_size=1, timeout_s=5) as store:
        with pytest.raises(StoreUnavailable, match="not a database"):
            await look(store, "SELECT 1")


async def test_a_file_that_is_moved_away_is_unavailable_and_not_written_to_for_nobody(sqlite_store):
    path = path_of(sqlite_store)
    await save(sqlite_store, communications=[a_message()])
    away = path.with_name("away.db")
    path.rename(away)

    kept = [await error_of(save(sqlite_store, communications=[a_message()])) for _ in range(3)]
    away.rename(path)
    async with asyncio.timeout(3):  # an error that is kept, traceback and all, keeps no lock
        await save(sqlite_store, communications=[a_message()])

    assert [StoreUnavailable] * 3 == [type(error) for error in kept]
    assert [(2,)] == await look(sqlite_store, MESSAGES)


async def error_of(call):
    """What ``call`` raises, with its traceback."""
    try:
        await call
    except StoreUnavailable as exc:
        return exc


async def test_a_damaged_file_is_unavailable(sqlite_store):
    await save(sqlite_store, communications=[a_message(message=LONG) for _ in range(20)])
    await sqlite_store.engine.dispose()
    damage(path_of(sqlite_store))

    with pytest.raises(StoreUnavailable, match="malformed"):
        await look(sqlite_store, "SELECT COUNT(DISTINCT Message) FROM data_incident_communication")


def damage(path):
    """Overwrite every page but the first two, which have the schema's beginning."""
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (path.stat().st_size - 8192))


async def test_a_server_whose_disk_is_full_is_unavailable_until_there_is_space(empty_mariadb, mariadb):
    async with open_store(empty_mariadb, password=None, pool_size=2, timeout_s=5) as store:

        async def work(transaction):
            await transaction.save(Changes(new_alerts=[a_record()]))
            await transaction.connection.exec_driver_sql("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'full'")

        with pytest.raises(StoreUnavailable, match="full"):
            await store.write(work)
        await asyncio.gather(*(save(store, communications=[a_message()]) for _ in range(3)))

        assert ([(0,)], [(3,)]) == (await look(store, "SELECT COUNT(*) FROM data_alert"), await look(store, MESSAGES))
