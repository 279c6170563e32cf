"""Statements that find nothing, on SQLite in one visit to its thread: each visit costs more than what a row or two take there.

A server has no such thread, and is sent each by itself. Used by what writes several tables at once.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from axion_bus.store.sqlite_driver import SEVERAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Together:
    """As much of a connection as such statements ask for; it keeps them."""

    dialect: Dialect
    steps: list[tuple[str, list[tuple[Any, ...]]]] = field(default_factory=list)

    async def exec_driver_sql(self, sql: str, values: tuple[Any, ...] | list[tuple[Any, ...]]) -> None:
        """Keep one statement, for one or for many rows."""
        self.steps.append((sql, values if isinstance(values, list) else [values]))


Writer: TypeAlias = "AsyncConnection | Together"
"""Where a statement goes that finds nothing."""


@asynccontextmanager
async def together(connection: AsyncConnection) -> AsyncIterator[Writer]:
    """Where to send them; they are executed in their order, at the end at the latest."""
    if connection.dialect.name != "sqlite":
        yield connection
        return
    kept = Together(connection.dialect)
    yield kept
    match kept.steps:
        case []:
            return
        case [(sql, rows)]:
            await connection.exec_driver_sql(sql, rows)
        case steps:
            await connection.exec_driver_sql(SEVERAL, list(steps))
