"""Opening a database, one transaction after another on it, and its driver's errors in our words.

Both databases run the same statements; what differs (locking, connecting) has its named branch here.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from axion_bus.errors import StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.store.sqlite_driver import open_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.engine import Dialect, ExceptionContext

T = TypeVar("T")

CONFLICT_TRIES = 10
# Codes of MariaDB and MySQL. Deadlock, lock wait timeout, snapshot changed, table altered meanwhile, duplicate key.
_LOST_RACE = frozenset({1213, 1205, 1020, 1412, 1062})
# No access for now: refused, no such database or table, no permission. A person mends it; until then nothing can be written.
_NO_ACCESS = frozenset({1044, 1045, 1049, 1130, 1142, 1143, 1146, 1698})
# Going away, full, out of memory, interrupted, or refusing writes for now.
_AWAY = frozenset(
    {3, 1021, 1026, 1030, 1037, 1038, 1040, 1041, 1047, 1053, 1114, 1129, 1135, 1158, 1159, 1160, 1161, 1180, 1203}
    | {1290, 1317, 1792, 1836, 1927, 1969, 3024, 4031}
)
_CLIENT_ERRORS = range(2000, 3000)  # the driver's own: cannot connect, gone away, lost during a query
_SHORT_REST_S = 0.1
_SQLITE_LOST_RACE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# What the statement or its values are to blame for; anything else is the file, the disk or the machine.
_SQLITE_REFUSED = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
    | {sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}
)


def make_engine(url: str, *, password: str | None = None, pool_size: int = 5, timeout_s: float = 10.0) -> AsyncEngine:
    """An engine for ``sqlite:////path`` or ``mysql://user@host:port/db``; nothing is opened yet, and no file is ever made."""
    parsed = _parse(url, password)
    # Half of what a transaction may take: who waits for a lock longer is told so, and tries again, while it is still there to
    # be told. A wait that outlives its client would keep what the client had locked.
    lock_wait_s = timeout_s / 2
    common: dict[str, Any] = {
        "json_serializer": _dump_json,
        "json_deserializer": from_json,
        "hide_parameters": True,  # what people wrote does not belong in an error's text
        "max_overflow": 0,
        "pool_timeout": 60,
        "pool_reset_on_return": None,  # connected() ends every transaction; the pool would roll back what is committed already
    }
    if parsed.drivername.startswith("sqlite"):
        # One connection: SQLite has one writer, and every transaction of ours may write.
        opened = partial(open_file, parsed.database or "", lock_wait_s)
        engine = create_async_engine(parsed, pool_size=1, async_creator=opened, **common)
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        event.listen(engine.sync_engine, "handle_error", _reopen_sqlite)
        event.listen(engine.sync_engine, "invalidate", _roll_back_sqlite)
        return engine
    engine = create_async_engine(
        parsed,
        pool_size=pool_size,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": timeout_s,
            "charset": "utf8mb4",
            "init_command": "SET time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE',"
            f" innodb_lock_wait_timeout={max(1, int(lock_wait_s))}",
        },
        **common,
    )
    event.listen(engine.sync_engine, "connect", _set_up_mysql)
    event.listen(engine.sync_engine, "checkin", _note_when)
    event.listen(engine.sync_engine, "checkout", partial(_ping_after_a_rest, engine.dialect))
    return engine


def _parse(url: str, password: str | None) -> URL:
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    return parsed.set(drivername="mysql+aiomysql", password=password)


def _dump_json(value: Any) -> str:
    return to_json(value).decode()


def _set_up_sqlite(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # some file systems have no such memory: it stays a rollback journal there
    cursor.execute("PRAGMA synchronous = EXTRA")  # FULL; and a rollback journal stays away when it was unlinked
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -16384")  # KiB: else pages of the audit stream's indexes are written many times
    cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: four batches write many of them more than once
    cursor.close()


def _set_up_mysql(connection: Any, record: object) -> None:
    # PyMySQL looks each character up in a table, which for JSON takes longer than all else that it does.
    connection.driver_connection.escape_string = _escaped


def _note_when(_connection: object, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _ping_after_a_rest(dialect: Dialect, connection: Any, record: Any, _proxy: object) -> None:
    """As the pool's own pre-ping, but not where a connection was used just now: no server is restarted in so short a time."""
    if time.monotonic() - record.info.get("rests_since", 0.0) < _SHORT_REST_S:
        return
    try:
        dialect.do_ping(connection)
    except Exception as exc:
        raise DisconnectionError(str(exc)) from exc


def _escaped(text: str) -> str:
    """``text`` as it stands between quotes in SQL, in the sql_mode that we set: backslashes escape, quotes are doubled."""
    return text.replace("\\", "\\\\").replace("'", "''")


def _begin_sqlite(connection: Any) -> None:
    connection.connection.driver_connection.begin()


def _reopen_sqlite(context: ExceptionContext) -> None:
    """After a fault of file or disk, go on with a new connection: what the old one has cached cannot be trusted."""
    original = context.original_exception
    if isinstance(original, sqlite3.Error) and isinstance(_translate_sqlite(original, ""), StoreUnavailable):
        context.is_disconnect = True


def _roll_back_sqlite(connection: Any, record: object, exc: BaseException | None) -> None:
    # Closing is not enough: SQLite keeps a closed connection, and its lock, while a statement of it is referred to, and the
    # traceback of the error does that.
    try:
        connection.rollback()
    except (sqlite3.Error, SQLAlchemyError):
        return  # it is broken, and closed in any case


@asynccontextmanager
async def connected(engine: AsyncEngine, timeout_s: float) -> AsyncIterator[AsyncConnection]:
    """A transaction, committed at the end; the driver's errors come out as ours.

    Raises:
        StoreUnavailable: the database is away, full, or gave no answer within ``timeout_s``.
        StoreConflict: another transaction won.
        StoreRefused: the database does not take what was to be written.
    """
    has_begun = False
    try:
        async with asyncio.timeout(timeout_s), engine.begin() as connection:
            has_begun = True
            yield connection
    except TimeoutError as exc:
        raise StoreUnavailable(f"{_name(engine)} gave no answer within {timeout_s:g} s; is it overloaded or stalled?") from exc
    except (SQLAlchemyError, OSError, sqlite3.Error) as exc:
        meaning = translate(exc, engine)
        if has_begun or not isinstance(meaning, StoreRefused):
            raise meaning from exc
        raise StoreUnavailable(str(meaning)) from exc  # refused before there was anything to refuse: it is us that it does not take


def translate(exc: BaseException, engine: AsyncEngine) -> StoreUnavailable | StoreConflict | StoreRefused:
    """The error of ours that ``exc`` means."""
    original = exc.orig if isinstance(exc, DBAPIError) else exc
    detail = f"{_name(engine)}: {original}"
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite(original, detail)
    code = original.args[0] if original is not None and original.args else None
    if code in _LOST_RACE:
        return StoreConflict(detail)
    invalidated = isinstance(exc, DBAPIError) and exc.connection_invalidated
    is_away = code in _AWAY or code in _NO_ACCESS or (isinstance(code, int) and code in _CLIENT_ERRORS)
    if is_away or invalidated or isinstance(exc, (PoolTimeoutError, PendingRollbackError, InterfaceError, OSError)):
        return StoreUnavailable(f"{detail}; is the database running, and is [store] url right?")
    return StoreRefused(detail)


def _translate_sqlite(original: sqlite3.Error, detail: str) -> StoreUnavailable | StoreConflict | StoreRefused:
    extended = getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if extended in _SQLITE_LOST_RACE or extended & 0xFF in _SQLITE_BUSY:
        return StoreConflict(detail)
    if extended & 0xFF in _SQLITE_REFUSED:
        return StoreRefused(detail)
    return StoreUnavailable(f"{detail}; is there space, and may this user write there?")


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
