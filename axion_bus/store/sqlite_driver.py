"""SQLite as SQLAlchemy takes it: APSW's library, on a thread of aiosqlite's, with the errors of the standard library's module.

APSW brings an SQLite of its own, without the WAL-reset bug wherever this runs (docs/adr/0022). aiosqlite visits its thread four
times for a statement, each of which wakes the thread and then the loop: most of what a short transaction takes. Ours goes there
once for a statement, and a transaction begins with its first one. Used by ``engine``.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import aiosqlite
import apsw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS_A_STATEMENT = 100
"""Of the 32,766 values that a statement may have (sqlite.org/limits.html), a table of ours takes 20 for each row."""
SEVERAL = "-- several statements"
"""Instead of a statement: its rows are statements, each with the rows that it is for."""
_INSERT = re.compile(r"(INSERT INTO .* VALUES )(\([?, ]+\))(.*)")

_Done: TypeAlias = "tuple[list[Any], Any, int, int]"
"""Of a statement: its rows, its columns as DB-API's ``description``, rows it changed (-1: it only reads), last rowid."""


async def open_file(path: str, busy_timeout_s: float) -> Connection:
    """A connection to the file ``path``, which is never made; it waits ``busy_timeout_s`` for a lock.

    Raises:
        sqlite3.OperationalError: there is no such file, or it may not be read and written.
    """
    if not os.access(path, os.R_OK | os.W_OK):
        # Not left to the driver: when it cannot open a file, its thread may complain after the loop has ended (aiosqlite 0.22.1).
        why = "unable to open database file: it is not there, or may not be read and written"
        raise _error(sqlite3.OperationalError, why, sqlite3.SQLITE_CANTOPEN)
    opened: Any = partial(_File, path, busy_timeout_s)
    connection = Connection(opened, iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does
    return await connection  # type: ignore[return-value]  # it returns itself


class Connection(aiosqlite.Connection):
    """aiosqlite's thread around a ``_File``, as far as SQLAlchemy goes there."""

    _begins = False

    def begin(self) -> None:
        """Begin a transaction with the next statement, in the same visit."""
        self._begins = True

    def cursor(self) -> Cursor:  # type: ignore[override]
        """A cursor; nothing goes to the thread for it."""
        return Cursor(self)

    async def run(self, what: Callable[[Any, bool, str, Sequence[Any]], _Done], sql: str, values: Sequence[Any]) -> _Done:
        """Do ``what`` of a ``_File`` on the thread."""
        begins, self._begins = self._begins, False
        done: _Done = await self._execute(what, self._conn, begins, sql, values)  # type: ignore[no-untyped-call]
        return done

    async def commit(self) -> None:
        """Commit, if anything has begun."""
        if not self._forgets():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, if anything has begun."""
        if not self._forgets():
            await super().rollback()

    def _forgets(self) -> bool:
        begins, self._begins = self._begins, False
        return begins


class Cursor:
    """What the last statement gave on ``connection``. Its rows are here already, and it is closed."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement, whole."""
        self._take(await self._connection.run(_File.execute, sql, parameters))

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute one statement for each of ``rows``; an INSERT for each ROWS_A_STATEMENT of them, as long as there are so many."""
        what = _File.execute_several if sql is SEVERAL else _File.execute_many
        self._take(await self._connection.run(what, sql, rows))

    async def fetchall(self) -> list[Any]:
        """The rows that it gave."""
        return self._rows

    async def close(self) -> None:
        """Nothing is left to do."""

    def _take(self, done: _Done) -> None:
        self._rows, self.description, self.rowcount, self.lastrowid = done


class _File:
    """What aiosqlite asks of a connection, and statements run whole. Used on one thread."""

    isolation_level = None
    """SQLAlchemy looks at it; here no transaction begins by itself."""

    def __init__(self, path: str, busy_timeout_s: float) -> None:
        self._path = path
        self._open: tuple[object, object] | None = None
        with _errors():
            self._connection = apsw.Connection(path, apsw.SQLITE_OPEN_READWRITE)
            self._connection.set_busy_timeout(int(busy_timeout_s * 1000))

    def execute(self, begins: bool, sql: str, values: Sequence[Any]) -> _Done:
        description: Any = None
        only_reads: bool | None = None

        def look(cursor: apsw.Cursor, _sql: str, _values: object) -> bool:
            nonlocal description, only_reads
            is_first = only_reads is None  # APSW would go on with the statement behind it, which is none of ours
            description, only_reads = cursor.description or None, cursor.is_readonly  # neither is told when it has run
            return is_first

        with _errors():
            self._begin(begins)
            cursor = self._connection.cursor()
            cursor.exec_trace = look
            rows = cursor.execute(sql, values).fetchall()
            return rows, description, -1 if only_reads else self._connection.changes(), self._connection.last_insert_rowid()

    def execute_many(self, begins: bool, sql: str, rows: Sequence[Sequence[Any]]) -> _Done:
        insert = _INSERT.fullmatch(sql)
        whole = len(rows) // ROWS_A_STATEMENT * ROWS_A_STATEMENT if insert else 0
        with _errors():
            self._begin(begins)
            before = self._connection.total_changes()
            if insert and whole:
                # one by one, it would wait for the interpreter's lock after each, while the loop has enough to do
                begin, row, end = insert.groups()
                of_many = f"{begin}{', '.join([row] * ROWS_A_STATEMENT)}{end}"
                for first in range(0, whole, ROWS_A_STATEMENT):
                    self._connection.execute(of_many, tuple(chain.from_iterable(rows[first : first + ROWS_A_STATEMENT])))
            self._connection.executemany(sql, rows[whole:])
            return [], None, self._connection.total_changes() - before, self._connection.last_insert_rowid()

    def execute_several(self, begins: bool, _: str, statements: Sequence[Sequence[Any]]) -> _Done:
        """The same of several of them, in order."""
        changed, last = 0, 0
        for sql, rows in statements:
            *_nothing, count, last = self.execute_many(begins, sql, rows)
            changed, begins = changed + count, False
        return [], None, changed, last

    def _begin(self, begins: bool) -> None:
        if not begins:
            return
        # With a write-ahead log SQLite does not look whether what it has open is still there: it would write for nobody.
        if self._open not in (None, self._named()):
            why = "the database, or the -wal beside it, was moved or deleted, or another stands in its place"
            raise _error(sqlite3.OperationalError, why, sqlite3.SQLITE_READONLY_DBMOVED)
        # IMMEDIATE: a transaction that reads first and then writes could otherwise fail when another process wrote between.
        self._connection.execute("BEGIN IMMEDIATE")
        self._open = self._open or self._named()

    def _named(self) -> tuple[object, object]:
        """The file, and its log, that now have these names."""
        return _identity(self._path), _identity(f"{self._path}-wal")

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        with _errors():
            if self._connection.in_transaction:
                self._connection.execute(how)

    def close(self) -> None:
        with _errors():
            self._connection.close()

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], *, deterministic: bool = False) -> None:
        with _errors():
            self._connection.create_scalar_function(name, function, arguments, deterministic=deterministic)


def _identity(path: str) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 - in every transaction
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _errors() -> Iterator[None]:
    """What is raised within, as SQLAlchemy and ``engine`` know it."""
    try:
        yield
    except apsw.Error as exc:
        kind = sqlite3.IntegrityError if isinstance(exc, apsw.ConstraintError) else sqlite3.OperationalError
        raise _error(kind, str(exc), getattr(exc, "extendedresult", sqlite3.SQLITE_MISUSE)) from exc
    except TypeError as exc:  # a value of a type that no column has
        raise _error(sqlite3.ProgrammingError, str(exc), sqlite3.SQLITE_MISMATCH) from exc


def _error(kind: type[sqlite3.DatabaseError], text: str, code: int) -> sqlite3.DatabaseError:
    error = kind(text)
    error.sqlite_errorcode = code
    return error
