"""Bringing a database to the schema of this program, and telling where it stands. Alembic is imported only to change it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from axion_bus.errors import SchemaError, StoreUnavailable
from axion_bus.store.engine import connected
from axion_bus.store.schema import REVISION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_LOCK = "axion-bus:migrate"
_UPGRADE_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a database stands: ``found`` None means it has no schema yet; ``wanted`` is this program's."""

    found: str | None
    wanted: str = REVISION

    @property
    def is_current(self) -> bool:
        """Whether nothing need be done."""
        return self.found == self.wanted

    @property
    def is_newer(self) -> bool:
        """Whether a newer program made it. Revisions are numbers with leading zeros."""
        return self.found is not None and self.found > self.wanted


async def status(engine: AsyncEngine, timeout_s: float = 30.0) -> SchemaStatus:
    """Read where the database stands; a file that is not there has no schema yet. Raises StoreUnavailable."""
    path = _file(engine)
    if path is not None and not path.exists():
        return SchemaStatus(None)
    async with connected(engine, timeout_s) as connection:
        return SchemaStatus(await connection.run_sync(_found))


async def upgrade(engine: AsyncEngine) -> SchemaStatus:
    """Apply the migrations that are missing, one process at a time; return where the database stood before.

    Raises:
        SchemaError: the database is newer than this program.
        StoreUnavailable: it cannot be reached, or another process is upgrading it for a long time already.
    """
    _make_file(engine)
    async with connected(engine, _UPGRADE_TIMEOUT_S) as connection, _alone(connection):
        before = SchemaStatus(await connection.run_sync(_found))
        _refuse_newer(before)
        if not before.is_current:
            await connection.run_sync(_migrate)
        return before


async def prepare(engine: AsyncEngine) -> None:
    """Make the database fit to run on: an empty or embedded one is upgraded, another must be current already.

    Raises:
        SchemaError: it is newer than this program, or older and not ours to upgrade unasked.
    """
    found = await status(engine)
    _refuse_newer(found)
    if found.is_current:
        return
    if found.found is not None and engine.dialect.name != "sqlite":
        raise SchemaError(
            f"the database has schema {found.found}, this program needs {found.wanted};"
            " stop its other daemons and run: axion-bus db upgrade"
        )
    await upgrade(engine)


def _make_file(engine: AsyncEngine) -> None:
    """Make the file that SQLite opens, and the directory that it belongs in."""
    path = _file(engine)
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.touch(mode=0o640)
    except OSError as exc:
        raise StoreUnavailable(f"the database {path} cannot be made: {exc.strerror}") from exc


def _file(engine: AsyncEngine) -> Path | None:
    return Path(engine.url.database) if engine.dialect.name == "sqlite" and engine.url.database else None


def _refuse_newer(found: SchemaStatus) -> None:
    if found.is_newer:
        raise SchemaError(
            f"the database has schema {found.found}, this program knows only up to {found.wanted}; install a newer axion-bus"
        )


def _found(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 0.8 s and 10 MB that a running daemon need not pay
    from alembic.config import Config  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@asynccontextmanager
async def _alone(connection: AsyncConnection) -> AsyncIterator[None]:
    """Keep other processes from upgrading at the same time; SQLite's BEGIN IMMEDIATE does so already."""
    if connection.dialect.name == "sqlite":
        yield
        return
    if not (await connection.execute(text("SELECT GET_LOCK(:name, 60)"), {"name": _LOCK})).scalar():
        raise StoreUnavailable("another process has been upgrading the database for a minute; wait for it, then try again")
    try:
        yield
    finally:
        if not connection.invalidated:  # else the connection is gone, and the lock with it
            await connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK})
