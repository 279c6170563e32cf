"""Rows by the hundred, in one statement: written as tuples, read as one JSON array each, every value bound.

SQLAlchemy's types and the MySQL driver, which is pure Python, take 20 to 60 microseconds for a row, more than the databases do.
So values cross here in the form that both databases keep: text, numbers, NULL. Used by the modules of the tables.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, String, bindparam, cast, func, literal_column, select

from axion_bus.store.schema import exact_collation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Column, ColumnElement, Dialect, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.store.together import Writer

_TIME_CHARACTERS = len("2025-01-31 23:59:59.000000")


def select_rows(columns: Iterable[Column[Any]], kind: str | None = None) -> Select[Any]:
    """A SELECT for ``read_rows``: each row is one JSON array of ``columns``, "found". A JSON column is the text that it has.

    ``kind`` stands before them, if it is given: so that rows of several tables can be told from each other.
    """
    # the cast: MariaDB's JSON columns have a collation of their own, which does not mix with the other texts'
    values = [cast(each, String) if isinstance(each.type, JSON) else each for each in columns]
    kinds: list[ColumnElement[Any]] = [] if kind is None else [literal_column(f"'{kind}'")]
    return select(func.json_array(*kinds, *values).label("found"))


def is_given(column: ColumnElement[Any], name: str = "given") -> ColumnElement[bool]:
    """That ``column`` has one of the values ``given`` at execution: so the statement is built once, which takes 0.1 ms or more."""
    return column.in_(bindparam(name, expanding=True))


async def read_rows(connection: AsyncConnection, statement: Select[Any], **parameters: Any) -> list[list[Any]]:
    """The rows that ``statement``, made by ``select_rows``, finds."""
    return [from_json(text) for text in (await connection.execute(statement, parameters)).scalars()]


async def insert_rows(connection: Writer, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows``, in order; values as ``columns`` name them."""
    await _insert(connection, table, columns, rows, "")


async def insert_missing(connection: Writer, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert those of ``rows`` whose primary key, which begins the columns, is not there yet; the others stay as they are."""
    key = _quoted(connection, columns[0])
    # not INSERT IGNORE, which would cut texts that are too long and skip rows that are refused
    keep = f" ON DUPLICATE KEY UPDATE {key} = {key}" if connection.dialect.name == "mysql" else " ON CONFLICT DO NOTHING"
    await _insert(connection, table, columns, rows, keep)


async def _insert(connection: Writer, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], suffix: str) -> None:
    if rows:
        names = ", ".join(_quoted(connection, name) for name in columns)
        marks = ", ".join([mark(connection.dialect)] * len(columns))
        # the driver makes one statement of many rows only if it reads "INSERT ... VALUES (...)"
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){suffix}"  # noqa: S608 - our own names
        await connection.exec_driver_sql(statement, list(rows))


async def update_rows(connection: Writer, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Set ``columns`` of ``rows``, which are there; the first column is the primary key."""
    if not rows:
        return
    key, *others = (_quoted(connection, name) for name in columns)
    if connection.dialect.name != "mysql":
        changes = ", ".join(f"{name} = ?" for name in others)
        turned = [(*values, guid) for guid, *values in rows]
        await connection.exec_driver_sql(f"UPDATE {table.name} SET {changes} WHERE {key} = ?", turned)  # noqa: S608 - our own names
        return
    # One statement for all, which a list of UPDATEs is not for this driver; INSERT ... ON DUPLICATE KEY UPDATE would be, but
    # needs whole rows.
    collation = exact_collation(connection.dialect)
    types = [f"{key} VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {collation} PATH '$[0]'"]
    types += [f"{name} LONGTEXT CHARACTER SET utf8mb4 PATH '$[{place}]'" for place, name in enumerate(others, 1)]
    document = f"JSON_TABLE(%s, '$[*]' COLUMNS ({', '.join(types)})) AS given"
    changes = ", ".join(f"{table.name}.{name} = given.{name}" for name in others)
    statement = f"UPDATE {table.name} JOIN {document} ON {table.name}.{key} = given.{key} SET {changes}"  # noqa: S608 - the same
    await connection.exec_driver_sql(statement, (to_json(rows).decode(),))


def _quoted(connection: Writer, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def mark(dialect: Dialect) -> str:
    """What stands for a value in a driver's statement."""
    return "%s" if dialect.name == "mysql" else "?"


@lru_cache(maxsize=256)
def stored_time(at: datetime | None) -> str | None:
    """``at``, which is aware, as both databases keep it: UTC, to the microsecond. Most rows of a batch have the same few."""
    if at is None:
        return None
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError(f"{at!r} has no time zone")
        at = at.astimezone(UTC)
    return at.isoformat(" ", "microseconds")[:_TIME_CHARACTERS]


def read_time(text: str) -> datetime:
    """What ``stored_time`` made ``text`` of."""
    return datetime.fromisoformat(f"{text}+00:00")


def read_time_or_none(text: str | None) -> datetime | None:
    """``read_time`` for a column that may be NULL."""
    return None if text is None else read_time(text)


def stored_json(value: Any) -> str:
    """``value`` as a JSON column keeps it."""
    return to_json(value).decode()
