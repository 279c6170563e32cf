"""``axion-bus db upgrade|status``: the database's schema."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.config import load
from axion_bus.config.urls import SqliteUrl
from axion_bus.store import migrate
from axion_bus.store.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from axion_bus.config.settings import Store


@click.group("db")
@common_options
def command() -> None:
    """Upgrade the database's schema, or show its state."""


@command.command("upgrade")
@common_options
@click.pass_obj
def upgrade(invocation: Invocation) -> None:
    """Bring the database to this program's schema; a new one is set up. Stop the daemons of an older version first."""
    store = load(invocation.config).store
    before = asyncio.run(_upgrade(store))
    if before.is_current:
        text = f"{store.url} has schema {before.found} already"
    else:
        text = f"{store.url} now has schema {before.wanted}; it had {before.found or 'none'}"
    invocation.succeed({"store": str(store.url), "before": before.found, "now": before.wanted}, text)


@command.command("status")
@common_options
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Show which schema the database has and which one this program needs. Changes nothing."""
    store = load(invocation.config).store
    is_missing = isinstance(store.url, SqliteUrl) and not Path(store.url.path).exists()  # looking would create it
    found = migrate.SchemaStatus(None) if is_missing else asyncio.run(_status(store))
    if found.is_current:
        verdict = "current"
    elif found.is_newer:
        verdict = f"newer than this program, which knows up to {found.wanted}"
    else:
        verdict = f"this program needs {found.wanted}: run 'axion-bus db upgrade'"
    data = {"store": str(store.url), "found": found.found, "wanted": found.wanted, "current": found.is_current}
    invocation.succeed(data, f"{store.url}: schema {found.found or 'none'}, {verdict}")


async def _upgrade(store: Store) -> migrate.SchemaStatus:
    async with _engine(store) as engine:
        return await migrate.upgrade(engine)


async def _status(store: Store) -> migrate.SchemaStatus:
    async with _engine(store) as engine:
        return await migrate.status(engine)


@asynccontextmanager
async def _engine(store: Store) -> AsyncIterator[AsyncEngine]:
    password = store.password.reveal() if store.password else None
    engine = make_engine(str(store.url), password=password, pool_size=store.pool_size, timeout_s=store.timeout_s)
    try:
        yield engine
    finally:
        await engine.dispose()
