"""One daemon at a time: a lock that the database server (or the kernel, for SQLite) frees when its holder dies.

Two daemons with one MQTT client id would throw each other off the broker for ever, and nothing in MQTT tells them.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from axion_bus.errors import AlreadyRunning, StoreUnavailable
from axion_bus.store.engine import translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PATIENCE_S = 5
"""How long a starting daemon waits for its predecessor's lock: a killed one's connection takes a moment to be noticed."""
_CHECK_EVERY_S = 5.0
_TIMEOUT_S = 30.0


@asynccontextmanager
async def hold(engine: AsyncEngine, client_id: str) -> AsyncIterator[InstanceLock]:
    """Hold the lock while the body runs; the body must keep its ``watch`` running.

    Raises:
        AlreadyRunning: another daemon holds it.
    """
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.lock") as file_lock:
            yield file_lock
        return
    name = "axion-bus:" + hashlib.sha256(client_id.encode()).hexdigest()[:32]
    lock = ServerLock(engine, name)
    await lock.take()
    try:
        yield lock
    finally:
        await lock.close()


class InstanceLock(Protocol):
    """A lock that is held."""

    async def watch(self, stop: asyncio.Event) -> None:
        """Make sure of the lock until ``stop``. Raises AlreadyRunning when somebody else has it now."""
        ...


class FileLock:
    """An flock on ``path``; the file stays, the lock goes with the process."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> FileLock:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._connection: AsyncConnection | None = None

    async def take(self) -> None:
        """Take the lock. Raises AlreadyRunning, StoreUnavailable."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                self._connection = await self._engine.connect()
                await self._connection.execution_options(isolation_level="AUTOCOMMIT")
                got = await self._connection.execute(text("SELECT GET_LOCK(:name, :patience)"), self._arguments)
        except (SQLAlchemyError, OSError, TimeoutError) as exc:
            await self.close()
            raise translate(exc, self._engine) or StoreUnavailable(str(exc)) from exc
        if not got.scalar():
            await self.close()
            raise AlreadyRunning(
                "another daemon runs with this [mqtt] client_id on this database; stop it, or give this one its own"
            )

    @property
    def _arguments(self) -> dict[str, str | int]:
        return {"name": self._name, "patience": PATIENCE_S}

    async def watch(self, stop: asyncio.Event) -> None:
        """Make sure of the lock until ``stop``, taking it again after the database was away. Raises AlreadyRunning."""
        while not await _is_set_within(stop, _CHECK_EVERY_S):
            if await self._is_ours():
                continue
            try:
                await self.take()
            except StoreUnavailable:
                continue  # nothing can be written meanwhile, by anyone

    async def _is_ours(self) -> bool:
        if self._connection is None:
            return False
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                mine = text("SELECT IS_USED_LOCK(:name) = CONNECTION_ID()")
                return bool((await self._connection.execute(mine, {"name": self._name})).scalar())
        except (SQLAlchemyError, OSError, TimeoutError):
            await self.close()
            return False

    async def close(self) -> None:
        """Let go, by closing the connection: a pooled one would keep the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(5):
                    await connection.invalidate()
                    await connection.close()
            except (SQLAlchemyError, OSError, TimeoutError):
                return  # it is gone, and the lock with it


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
