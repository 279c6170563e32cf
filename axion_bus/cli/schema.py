"""The schema's state and its upgrade, blocking, for ``axion-bus db``. Apart from it, because --help needs no database library."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from axion_bus.store import migrate
from axion_bus.store.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from axion_bus.config.settings import Store


def upgrade(store: Store) -> migrate.SchemaStatus:
    """Upgrade; return what was there before. Raises SchemaError, StoreUnavailable."""
    return asyncio.run(_upgrade(store))


def status(store: Store) -> migrate.SchemaStatus:
    """What is there. Changes nothing. Raises StoreUnavailable."""
    return asyncio.run(_status(store))


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
