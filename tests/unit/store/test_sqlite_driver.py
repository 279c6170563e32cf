"""SQLite as SQLAlchemy and the engine see it: what a statement gave, when a transaction begins, and whose errors come out."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing

import apsw
import pytest

from axion_bus.store.sqlite_driver import ROWS_A_STATEMENT, SEVERAL, open_file


@pytest.fixture
def path(tmp_path):
    found = str(tmp_path / "a.db")
    with closing(apsw.Connection(found)) as connection:
        connection.pragma("journal_mode", "WAL")
        connection.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, text VARCHAR NOT NULL UNIQUE)")
    return found


@asynccontextmanager
async def opened(path):
    connection = await open_file(path, busy_timeout_s=0.05)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def connection(path):
    async with opened(path) as connection:
        yield connection


async def run(connection, sql, values=()):
    cursor = connection.cursor()
    await cursor.execute(sql, values)
    return cursor


async def run_many(connection, sql, rows):
    cursor = connection.cursor()
    await cursor.executemany(sql, rows)
    return cursor


async def rows_of(connection, sql="SELECT text FROM word ORDER BY id"):
    return await (await run(connection, sql)).fetchall()


def test_its_sqlite_has_no_wal_reset_bug():
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)


@pytest.mark.parametrize("where", ["1", "0"])
async def test_a_select_names_its_columns_even_if_it_finds_nothing(connection, where):
    await run(connection, "INSERT INTO word (text) VALUES ('a')")

    found = await run(connection, f"SELECT id, text AS called FROM word WHERE {where}")

    assert (["id", "called"], -1) == ([column[0] for column in found.description], found.rowcount)
    assert ([(1, "a")] if where == "1" else []) == await found.fetchall()


async def test_a_change_has_no_columns_and_says_how_many_rows_it_changed(connection):
    added = await run(connection, "INSERT INTO word (text) VALUES ('a'), ('b'), ('c')")
    changed = await run(connection, "UPDATE word SET text = text || '!' WHERE id > 1")
    none = await run(connection, "UPDATE word SET text = '' WHERE id > 100")

    assert [(None, 3), (None, 2), (None, 0)] == [(each.description, each.rowcount) for each in (added, changed, none)]
    assert 3 == added.lastrowid


@pytest.mark.parametrize("count", [0, 1, ROWS_A_STATEMENT - 1, ROWS_A_STATEMENT, 2 * ROWS_A_STATEMENT + 1])
async def test_rows_are_inserted_in_order_however_many_there_are(connection, count):
    words = [f"word {number}" for number in range(count)]

    added = await run_many(connection, "INSERT INTO word (text) VALUES (?)", [(word,) for word in words])

    assert count == added.rowcount
    assert words == [word for (word,) in await rows_of(connection)]


async def test_a_statement_for_many_rows_changes_each(connection):
    await run_many(connection, "INSERT INTO word (id, text) VALUES (?, ?)", [(1, "a"), (2, "b"), (3, "c")])

    changed = await run_many(connection, "UPDATE word SET text = ? WHERE id = ?", [("A", 1), ("?", 9), ("C", 3)])

    assert (2, [("A",), ("b",), ("C",)]) == (changed.rowcount, await rows_of(connection))


async def test_a_transaction_begins_with_its_first_statement(path, connection):
    async with opened(path) as other:
        connection.begin()
        await run(other, "INSERT INTO word (text) VALUES ('theirs')")  # nothing is locked yet
        await run(connection, "SELECT 1")

        with pytest.raises(sqlite3.OperationalError) as locked:
            await run(other, "INSERT INTO word (text) VALUES ('too late')")
        await connection.commit()
        await run(other, "INSERT INTO word (text) VALUES ('again')")

    assert sqlite3.SQLITE_BUSY == locked.value.sqlite_errorcode
    assert [("theirs",), ("again",)] == await rows_of(connection)


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_a_transaction_without_a_statement_leaves_nothing_to_begin(path, connection, end):
    connection.begin()
    await getattr(connection, end)()
    await run(connection, "SELECT 1")

    async with opened(path) as other:
        assert 1 == (await run(other, "INSERT INTO word (text) VALUES ('theirs')")).rowcount


async def test_what_is_rolled_back_was_never_written(connection):
    connection.begin()
    await run(connection, "INSERT INTO word (text) VALUES ('a')")
    await run_many(connection, "INSERT INTO word (text) VALUES (?)", [("b",)] * 1)
    await connection.rollback()

    assert [] == await rows_of(connection)


async def test_several_statements_are_executed_in_order_in_one_visit(connection):
    steps = [
        ("INSERT INTO word (text) VALUES (?)", [("a",), ("b",)]),
        ("UPDATE word SET text = ? WHERE text = ?", [("B", "b"), ("c", "nowhere")]),
        ("INSERT INTO word (text) VALUES (?)", [("b",)]),
    ]

    done = await run_many(connection, SEVERAL, steps)

    assert (4, 3, [("a",), ("B",), ("b",)]) == (done.rowcount, done.lastrowid, await rows_of(connection))


async def test_several_statements_are_one_transaction(path, connection):
    steps = [("INSERT INTO word (text) VALUES (?)", [("a",)]), ("INSERT INTO word (text) VALUES (?)", [("b",), ("a",)])]
    connection.begin()
    with pytest.raises(sqlite3.IntegrityError, match=r"word\.text"):
        await run_many(connection, SEVERAL, steps)
    await connection.rollback()

    async with opened(path) as other:
        assert [] == await rows_of(other)


@pytest.mark.parametrize(
    ("sql", "values", "kind", "code"),
    [
        ("INSERT INTO word VALUES (2, 'a')", (), sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        ("INSERT INTO word VALUES (1, 'b')", (), sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY),
        ("INSERT INTO word VALUES (2, NULL)", (), sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_NOTNULL),
        ("SELECT wrong", (), sqlite3.OperationalError, sqlite3.SQLITE_ERROR),
        ("SELECT ?, ?", (1,), sqlite3.OperationalError, sqlite3.SQLITE_MISUSE),
        ("SELECT ?", (object(),), sqlite3.ProgrammingError, sqlite3.SQLITE_MISMATCH),
    ],
)
async def test_an_error_is_the_standard_library_s_with_sqlite_s_code(connection, sql, values, kind, code):
    await run(connection, "INSERT INTO word VALUES (1, 'a')")

    with pytest.raises(sqlite3.DatabaseError) as refused:
        await run(connection, sql, values)

    assert (kind, code) == (type(refused.value), refused.value.sqlite_errorcode)


async def test_only_one_statement_is_executed_at_a_time(connection):
    connection.begin()
    with pytest.raises(sqlite3.OperationalError):
        await run(connection, "INSERT INTO word (text) VALUES ('a'); DELETE FROM word")

    assert [("a",)] == await rows_of(connection)


async def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="it is not there, or may not be read and written") as missing:
        await open_file(str(tmp_path / "none.db"), busy_timeout_s=1)

    assert (sqlite3.SQLITE_CANTOPEN, []) == (missing.value.sqlite_errorcode, list(tmp_path.iterdir()))


async def test_nothing_is_written_once_the_log_beside_the_file_is_deleted(tmp_path, connection):
    connection.begin()
    await run(connection, "INSERT INTO word (text) VALUES ('a')")
    await connection.commit()
    (tmp_path / "a.db-wal").unlink()

    connection.begin()
    with pytest.raises(sqlite3.OperationalError, match="was moved or deleted") as moved:
        await run(connection, "INSERT INTO word (text) VALUES ('for nobody')")

    assert sqlite3.SQLITE_READONLY_DBMOVED == moved.value.sqlite_errorcode
