"""The schema: one and the same by migrations and by ``store.schema``, on both kinds; who may upgrade what, and who is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, text

from axion_bus.errors import SchemaError, StoreUnavailable
from axion_bus.store import migrate
from axion_bus.store.migrate import SchemaStatus, prepare, status, upgrade
from axion_bus.store.schema import REVISION, metadata
from axion_bus.store.sql import open_store
from tests.contract.store.scenes import a_record, look, save
from tests.servers import wait_until

UPGRADE = """
import asyncio, sys
from axion_bus.store.migrate import upgrade
from axion_bus.store.sql import open_store
async def main():
    async with open_store(sys.argv[1], password=None, pool_size=1, timeout_s=60) as store:
        await upgrade(store.engine)
asyncio.run(main())
"""
BACK_TO_THE_FIRST = (
    "ALTER TABLE data_ingest_slot DROP COLUMN Filters",
    "ALTER TABLE data_ingest_slot DROP COLUMN ConnectingSince",
    "CREATE INDEX idx_communication_due ON data_incident_communication (NextAttemptAt, CommunicationGuid)",
    "DROP INDEX idx_communication_channel_due ON data_incident_communication",
    "DROP INDEX idx_alert_silenced ON data_alert",
    "ALTER TABLE def_silence DROP COLUMN ExpiredBy",
    "ALTER TABLE data_alert DROP COLUMN SilencedBy",
    "ALTER TABLE data_alert DROP COLUMN DedupKey",
)
"""What the migrations behind the first made, undone from the last to the first."""
UNIQUE = {"uq_alert_open", "uq_incident_open", "idx_short_ref", "uq_communication_ingest"}


@pytest.fixture
async def bare(store_url):
    """A store on an empty database."""
    async with open_store(store_url, password=None, pool_size=2, timeout_s=60) as opened:
        yield opened


@pytest.fixture
async def bare_mariadb(mariadb):
    """A store on a server's empty database."""
    async with open_store(mariadb.fresh_database(), password=None, pool_size=2, timeout_s=60) as opened:
        yield opened


async def differences(store):
    """What a migration would have to change to come from the database to ``store.schema``."""

    def compare(connection):
        options = {"compare_type": True, "compare_server_default": True}
        with warnings.catch_warnings():
            # SQLite puts an added column on the line of the one before, and SQLAlchemy 2.1 reads an expression to the line's end
            warnings.filterwarnings("ignore", "Computed default on data_alert.OpenFingerprint cannot be modified")
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    async with store.engine.connect() as connection:
        return await connection.run_sync(compare)


async def run(store, *statements):
    async with store.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


def file_of(url):
    return Path(url.removeprefix("sqlite:///"))


def start_upgrade(url):
    return subprocess.Popen([sys.executable, "-c", UPGRADE, url], stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."})


async def test_the_migrations_make_the_schema(bare):
    await upgrade(bare.engine)

    assert [] == await differences(bare)


def test_the_revision_is_the_head_of_the_migrations():
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))

    assert [REVISION] == ScriptDirectory.from_config(config).get_heads()


async def test_an_upgrade_tells_where_the_database_stood(bare):
    first = await upgrade(bare.engine)
    second = await upgrade(bare.engine)

    assert (SchemaStatus(None), SchemaStatus(REVISION)) == (first, second)


async def test_the_status_tells_where_the_database_stands_and_changes_nothing(bare):
    before = [await status(bare.engine), await status(bare.engine)]
    await upgrade(bare.engine)

    after = await status(bare.engine)

    assert [SchemaStatus(None)] * 2 == before
    assert (REVISION, True, False) == (after.found, after.is_current, after.is_newer)


async def test_an_empty_database_is_prepared_without_being_asked(bare):
    await prepare(bare.engine)
    await prepare(bare.engine)

    assert (await status(bare.engine)).is_current


@pytest.mark.parametrize("step", [prepare, upgrade])
async def test_a_newer_database_is_refused(bare, step):
    await prepare(bare.engine)
    await run(bare, "UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(SchemaError, match=f"has schema 0999, this program knows only up to {REVISION}; install a newer axion-bus"):
        await step(bare.engine)


async def test_an_older_database_on_a_server_is_not_upgraded_unasked(bare_mariadb):
    await prepare(bare_mariadb.engine)
    await run(bare_mariadb, "UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(SchemaError, match=f"has schema 0000, this program needs {REVISION};.* axion-bus db upgrade"):
        await prepare(bare_mariadb.engine)


async def test_two_processes_may_upgrade_at_the_same_time(bare, store_url):
    processes = [start_upgrade(store_url) for _ in range(2)]

    ended = [(process.communicate(timeout=120)[1].decode(), process.returncode) for process in processes]

    assert [("", 0), ("", 0)] == ended
    assert [] == await differences(bare)


@pytest.mark.parametrize("tables", [1, 4, 9])
async def test_an_upgrade_that_is_killed_is_finished_by_the_next_one(bare_mariadb, mariadb, tables):
    """On a server every table and index stays when the upgrade is cut off behind it."""
    url = bare_mariadb.engine.url.set(drivername="mysql").render_as_string()
    process = start_upgrade(url)
    with mariadb.connect(bare_mariadb.engine.url.database) as cursor:
        await asyncio.to_thread(wait_until, lambda: cursor.execute("SHOW TABLES") > tables, f"{tables} tables", every_s=0.001)
    process.kill()
    process.communicate()

    await upgrade(bare_mariadb.engine)

    assert [] == await differences(bare_mariadb)


async def test_an_index_that_an_upgrade_did_not_come_to_is_made_by_the_next_one(bare_mariadb):
    await upgrade(bare_mariadb.engine)
    await run(bare_mariadb, *BACK_TO_THE_FIRST, "DROP INDEX uq_incident_open ON data_incident", "DELETE FROM alembic_version")

    await upgrade(bare_mariadb.engine)

    assert [] == await differences(bare_mariadb)


@pytest.mark.parametrize("undone", range(1, len(BACK_TO_THE_FIRST)))
async def test_a_later_upgrade_that_was_cut_off_is_finished_by_the_next_one(bare_mariadb, undone):
    await upgrade(bare_mariadb.engine)
    await run(bare_mariadb, *BACK_TO_THE_FIRST[:undone], "UPDATE alembic_version SET version_num = '0001'")

    await upgrade(bare_mariadb.engine)

    assert [] == await differences(bare_mariadb)


async def test_an_upgrade_keeps_what_is_there(bare, store_url):
    await upgrade(bare.engine)
    await save(bare, new_alerts=[a_record()])
    undone = BACK_TO_THE_FIRST
    if not store_url.startswith("mysql"):
        undone = [each.partition(" ON ")[0] if each.startswith("DROP INDEX") else each for each in undone]
    await run(bare, *undone, "UPDATE alembic_version SET version_num = '0001'")

    await upgrade(bare.engine)

    assert [a_record()] == await bare.write(lambda transaction: transaction.alerts_by_guid(["alert-a"]))


async def test_looking_at_a_file_that_is_not_there_does_not_make_it(sqlite_url):
    async with open_store(sqlite_url, password=None, pool_size=1, timeout_s=5) as store:
        found = await status(store.engine)
        with pytest.raises(StoreUnavailable, match="unable to open database file"):
            await look(store, "SELECT 1")

    assert (SchemaStatus(None), False) == (found, file_of(sqlite_url).exists())


async def test_a_file_is_made_with_its_directory_and_not_for_others_to_read(tmp_path):
    path = tmp_path / "a" / "b" / "axion-bus.db"

    async with open_store(f"sqlite:///{path}", password=None, pool_size=1, timeout_s=5) as store:
        await prepare(store.engine)

    assert ("0o750", "0o640") == (oct(path.parent.stat().st_mode & 0o7777), oct(path.stat().st_mode & 0o7777))


async def test_a_file_whose_directory_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "a").write_text("a file")

    async with open_store(f"sqlite:///{tmp_path}/a/axion-bus.db", password=None, pool_size=1, timeout_s=5) as store:
        with pytest.raises(StoreUnavailable, match=r"a/axion-bus\.db cannot be made: File exists"):
            await prepare(store.engine)


async def test_a_file_may_have_any_name(tmp_path):
    path = tmp_path / "a b%20?c#d&mode=memory.db"
    url = URL.create("sqlite", database=str(path))

    async with open_store(url.render_as_string(), password=None, pool_size=1, timeout_s=5) as store:
        await prepare(store.engine)
        await save(store, new_alerts=[a_record()])

    with closing(apsw.Connection(str(path))) as connection:
        assert [("alert-a",)] == connection.execute("SELECT AlertGuid FROM data_alert").fetchall()


async def test_a_table_of_another_program_is_left_alone(bare, store_url):
    if store_url.startswith("sqlite"):
        file_of(store_url).touch()
    await run(bare, "CREATE TABLE data_alert (AlertGuid VARCHAR(36) PRIMARY KEY)", "INSERT INTO data_alert VALUES ('theirs')")

    with pytest.raises(SchemaError, match="a table data_alert that axion-bus did not make; give it a database of its own"):
        await prepare(bare.engine)

    assert [("theirs",)] == await look(bare, "SELECT AlertGuid FROM data_alert")


async def test_every_text_on_a_server_is_compared_exactly(mariadb_store):
    collations = """
        SELECT DISTINCT COLLATION_NAME FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'alembic_version' AND COLLATION_NAME IS NOT NULL
        AND COLUMN_NAME NOT IN ('Labels', 'Metadata', 'Matchers', 'Recipients', 'Filters')
    """

    assert [("utf8mb4_nopad_bin",)] == await look(mariadb_store, collations)


async def test_what_makes_promises_hold_is_unique_on_a_server(mariadb_store):
    unique = """
        SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
        WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY' AND TABLE_NAME <> 'alembic_version'
    """

    assert UNIQUE == {name for (name,) in await look(mariadb_store, unique)}


async def test_what_makes_promises_hold_is_unique_in_a_file(sqlite_store):
    unique = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE UNIQUE INDEX%'"

    assert UNIQUE == {name for (name,) in await look(sqlite_store, unique)}


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 3),
        ("foreign_keys", 1),
        ("busy_timeout", 5000),
    ],
)
async def test_a_file_is_written_through_and_checked(sqlite_store, pragma, expected):
    assert [(expected,)] == await look(sqlite_store, f"PRAGMA {pragma}")


async def test_a_server_s_session_is_as_decided(mariadb_store):
    query = "SELECT @@time_zone, @@tx_isolation, @@innodb_lock_wait_timeout, @@character_set_client, @@sql_mode"

    expected = "+00:00", "READ-COMMITTED", 5, "utf8mb4", "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION"
    assert [expected] == await look(mariadb_store, query)
