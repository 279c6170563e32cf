"""One daemon at a time: a lock that the database server (or the kernel, for SQLite) frees when its holder dies.

Two daemons with one MQTT client id would throw each other off the broker for ever, and nothing in MQTT tells them.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from pymysql import MySQLError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from axion_bus.errors import AlreadyRunning, StoreUnavailable
from axion_bus.store.engine import translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_CLOSE_TIMEOUT_S = 1.0
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTimes:
    """How long things take with a server's lock, in seconds.

    ``patience_s`` is how long a starting daemon waits for its predecessor's: a killed one's connection takes a moment to be
    noticed. After ``forgotten_after_s`` the server takes the lock from a holder that it has not heard of, whose connection broke
    without a word; one that has lost its lock waits for longer than that, since it may be its own old connection that has it.
    """

    patience_s: int = 5
    check_every_s: float = 5.0
    forgotten_after_s: int = 20


_TIMES = LockTimes()


class InstanceLock(Protocol):
    """A lock that is held."""

    async def watch(self, stop: asyncio.Event) -> None:
        """Make sure of the lock until ``stop``. Raises AlreadyRunning when somebody else has it now."""
        ...


@asynccontextmanager
async def hold(engine: AsyncEngine, client_id: str, times: LockTimes = _TIMES) -> AsyncIterator[InstanceLock]:
    """Hold the lock while the body runs; the body must keep its ``watch`` running.

    Raises:
        AlreadyRunning: another daemon holds it.
        StoreUnavailable: the server cannot be reached, or the lock file not written.
    """
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.lock") as file_lock:
            yield file_lock
        return
    lock = ServerLock(engine, client_id, times)
    try:
        await lock.take(times.patience_s)
        yield lock
    finally:
        await lock.close()


class FileLock:
    """An flock on ``path``; the file stays, the lock goes with the process."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StoreUnavailable(f"the lock file {self._path} cannot be opened: {exc.strerror}") from exc
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(self._fd)
            raise AlreadyRunning(f"another daemon works on this database (it holds {self._path}); stop it first") from exc
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)

    async def watch(self, stop: asyncio.Event) -> None:
        """Nothing to watch: the kernel takes it back with the process."""
        await stop.wait()


class ServerLock:
    """A GET_LOCK on a connection of its own. Losing the connection is losing the lock; ``watch`` takes it again."""

    def __init__(self, engine: AsyncEngine, client_id: str, times: LockTimes) -> None:
        self._engine = engine
        self._times = times
        # names are the server's, not a database's, and 64 characters long at most
        self.name = "axion-bus:" + hashlib.sha256(f"{engine.url.database}\0{client_id}".encode()).hexdigest()[:32]
        self._connection: AsyncConnection | None = None

    async def take(self, patience_s: int) -> None:
        """Take the lock, waiting ``patience_s`` for another's end. Raises AlreadyRunning, StoreUnavailable."""
        await self.close()
        try:
            async with asyncio.timeout(_TIMEOUT_S + patience_s):
                self._connection = connection = await self._engine.connect()
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.run_sync(lambda ours: ours.detach())  # the pool must neither lend it nor miss it
                await connection.execute(text("SET SESSION wait_timeout = :s"), {"s": self._times.forgotten_after_s})
                sought = {"name": self.name, "patience": patience_s}
                got = await connection.execute(text("SELECT GET_LOCK(:name, :patience)"), sought)
        except (SQLAlchemyError, OSError, MySQLError) as exc:  # setting the isolation level lets the driver's own through
            await self.close()
            raise self._unavailable(exc) from exc
        if not got.scalar():
            await self.close()
            raise AlreadyRunning(
                "another daemon runs with this [mqtt] client_id on this database; stop it, or give this one its own"
            )

    def _unavailable(self, exc: SQLAlchemyError | OSError | MySQLError) -> StoreUnavailable:
        meaning = translate(exc, self._engine)
        return meaning if isinstance(meaning, StoreUnavailable) else StoreUnavailable(f"the instance lock: {meaning}")

    async def watch(self, stop: asyncio.Event) -> None:
        """Make sure of the lock until ``stop``, taking it again after the database was away. Raises AlreadyRunning."""
        while not await _is_set_within(stop, self._times.check_every_s):
            if await self._is_ours():
                continue
            try:
                await self.take(self._times.forgotten_after_s + self._times.patience_s)
            except StoreUnavailable:
                continue  # nothing can be written meanwhile, by anyone

    async def _is_ours(self) -> bool:
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                mine = text("SELECT IS_USED_LOCK(:name) = CONNECTION_ID()")
                return bool((await self._connection.execute(mine, {"name": self.name})).scalar())
        except (SQLAlchemyError, OSError):
            return False

    async def close(self) -> None:
        """Let go, by closing the connection; a server that stands still is not waited for, it notices later."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await connection.close()
            except (SQLAlchemyError, OSError):
                return  # it is gone, and the lock with it


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
