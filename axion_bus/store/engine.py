"""Opening a database, one transaction after another on it, and its driver's errors in our words.

Both databases run the same statements; what differs (locking, upserts, connecting) has its named branch here.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import URL, event
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from axion_bus.errors import StoreConflict, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sqlalchemy import Table
    from sqlalchemy.sql.dml import Insert

T = TypeVar("T")

CONFLICT_TRIES = 10
# Deadlock, lock wait timeout, snapshot changed, duplicate key: MariaDB error codes.
_LOST_RACE = frozenset({1213, 1205, 1020, 1062})
# Away, going away, full, or refusing writes for now.
_AWAY = frozenset(
    {1021, 1040, 1053, 1114, 1129, 1158, 1159, 1160, 1161, 1203, 1290, 1836, 1927, 2002, 2003, 2006, 2013, 2014, 2055}
)
_SQLITE_LOST_RACE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_SQLITE_AWAY = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB}
)
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# WAL loses commits in versions with the WAL-reset bug when several connections write (sqlite.org/wal.html#walresetbug).
_WAL_FIXED_IN = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether SQLite ``version`` is free of the WAL-reset bug."""
    return version >= _WAL_FIXED_IN[0] or any(version[:2] == fixed[:2] and version >= fixed for fixed in _WAL_FIXED_IN)


def make_engine(url: str, *, password: str | None = None, pool_size: int = 5, connect_timeout_s: float = 10.0) -> AsyncEngine:
    """An engine for ``sqlite:////path`` or ``mysql://user@host:port/db``; nothing is opened yet."""
    parsed = _parse(url, password)
    json = {"json_serializer": _dump_json, "json_deserializer": from_json}
    if parsed.drivername.startswith("sqlite"):
        # One connection: SQLite has one writer, and rollback-journal readers would only stand in its way.
        engine = create_async_engine(parsed, pool_size=1, max_overflow=0, pool_timeout=60, **json)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=60,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": connect_timeout_s,
            "charset": "utf8mb4",
            "init_command": "SET time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE'",
        },
        **json,
    )


def _parse(url: str, password: str | None) -> URL:
    from sqlalchemy import make_url  # noqa: PLC0415 - beside its only use

    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    return parsed.set(drivername="mysql+aiomysql", password=password)


def _dump_json(value: Any) -> str:
    return to_json(value).decode()


def _set_up_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions; _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 20000")
    # TRUNCATE, not DELETE: with FULL its commit is synced, an unlinked journal's is not (sqlite.org/pragma.html#synchronous).
    cursor.execute("PRAGMA journal_mode = WAL" if wal_is_safe(sqlite3.sqlite_version_info) else "PRAGMA journal_mode = TRUNCATE")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # IMMEDIATE: a transaction that reads first and then writes could otherwise fail when another process wrote between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def insert(table: Table, engine: AsyncEngine | AsyncConnection) -> Insert:
    """An INSERT of the engine's dialect."""
    return mysql.insert(table) if engine.dialect.name == "mysql" else sqlite.insert(table)


def upsert(table: Table, engine: AsyncEngine | AsyncConnection, columns: Sequence[str]) -> Insert:
    """An INSERT that sets ``columns`` of the row whose primary key is there already. For rows that are locked."""
    if engine.dialect.name == "mysql":
        into = mysql.insert(table)
        return into.on_duplicate_key_update({name: into.inserted[name] for name in columns})
    onto = sqlite.insert(table)
    return onto.on_conflict_do_update(
        index_elements=table.primary_key.columns, set_={name: onto.excluded[name] for name in columns}
    )


@asynccontextmanager
async def connected(engine: AsyncEngine, timeout_s: float) -> AsyncIterator[AsyncConnection]:
    """A transaction, committed at the end; the driver's errors come out as ours.

    Raises:
        StoreUnavailable: the database is away, full, or gave no answer within ``timeout_s``.
        StoreConflict: another transaction won.
    """
    try:
        async with asyncio.timeout(timeout_s), engine.begin() as connection:
            yield connection
    except TimeoutError as exc:
        raise StoreUnavailable(f"{_name(engine)} gave no answer within {timeout_s:g} s; is it overloaded or stalled?") from exc
    except (SQLAlchemyError, OSError, sqlite3.Error) as exc:
        translated = translate(exc, engine)
        if translated is None:
            raise
        raise translated from exc


def translate(exc: BaseException, engine: AsyncEngine) -> StoreUnavailable | StoreConflict | None:
    """The error of ours that ``exc`` means, or None: then it is the data's fault, or a bug of ours."""
    original = exc.orig if isinstance(exc, DBAPIError) else exc
    code = original.args[0] if original is not None and original.args else None
    detail = f"{_name(engine)}: {original}"
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite(original, detail)
    if code in _LOST_RACE:
        return StoreConflict(detail)
    invalidated = isinstance(exc, DBAPIError) and exc.connection_invalidated
    if code in _AWAY or invalidated or isinstance(exc, (PoolTimeoutError, InterfaceError, OSError)):
        return StoreUnavailable(f"{detail}; is the database running, and is [store] url right?")
    return None


def _translate_sqlite(original: sqlite3.Error, detail: str) -> StoreUnavailable | StoreConflict | None:
    extended = getattr(original, "sqlite_errorcode", 0)
    if extended in _SQLITE_LOST_RACE or extended & 0xFF in _SQLITE_BUSY:
        return StoreConflict(detail)
    if extended & 0xFF in _SQLITE_AWAY:
        return StoreUnavailable(f"{detail}; is there space, and may this user write there?")
    return None


def _name(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=True)


async def retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """``attempt``'s result, tried again after a short random wait while it raises StoreConflict, CONFLICT_TRIES times at most."""
    for tries in range(1, CONFLICT_TRIES):
        try:
            return await attempt()
        except StoreConflict:
            await asyncio.sleep(random.uniform(0, 0.005 * 2**tries))  # noqa: S311 - jitter, not a secret
    return await attempt()
