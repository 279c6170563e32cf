"""A cursor on SQLite's thread that goes there once for each statement: to make it, execute, fetch all and close.

aiosqlite's own goes four times, each of which wakes the thread and then the loop: most of what a short transaction takes. And it
inserts many rows one by one, and waits for the interpreter's lock after each, while the loop has enough to do. This is as much of
a cursor as SQLAlchemy asks for; ``engine`` puts it in the place of aiosqlite's.
"""

from __future__ import annotations

import re
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence


ROWS_A_STATEMENT = 100
"""Of the 32,766 values that a statement may have (sqlite.org/limits.html), a table of ours takes 20 for each row."""
_INSERT = re.compile(r"(INSERT INTO .* VALUES )(\([?, ]+\))(.*)")


class Cursor:
    """What the last statement gave on ``connection``, which is aiosqlite's. Its rows are here already, and it is closed."""

    arraysize = 1

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement, whole."""
        await self._run(lambda cursor: cursor.execute(sql, parameters))

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute one statement for each of ``rows``; an INSERT for each ROWS_A_STATEMENT of them, as long as there are so many."""
        await self._run(lambda cursor: _execute_many(cursor, sql, rows))

    async def fetchall(self) -> list[Any]:
        """The rows that it gave."""
        return self._rows

    async def close(self) -> None:
        """Nothing is left to do."""

    async def _run(self, step: Callable[[sqlite3.Cursor], object]) -> None:
        found = await self._connection._execute(_whole, self._connection._conn, step)  # noqa: SLF001 - as SQLAlchemy does
        self._rows, self.description, self.rowcount, self.lastrowid = found


def _execute_many(cursor: sqlite3.Cursor, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    insert = _INSERT.fullmatch(sql)
    whole = len(rows) // ROWS_A_STATEMENT * ROWS_A_STATEMENT if insert else 0
    if insert and whole:
        begin, row, end = insert.groups()
        of_many = f"{begin}{', '.join([row] * ROWS_A_STATEMENT)}{end}"
        for first in range(0, whole, ROWS_A_STATEMENT):
            cursor.execute(of_many, tuple(chain.from_iterable(rows[first : first + ROWS_A_STATEMENT])))
    cursor.executemany(sql, rows[whole:])


def _whole(connection: sqlite3.Connection, step: Callable[[sqlite3.Cursor], object]) -> tuple[list[Any], Any, int, int | None]:
    with closing(connection.cursor()) as cursor:
        step(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
