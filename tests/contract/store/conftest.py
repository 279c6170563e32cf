"""A store for each test, of either kind, with its schema and nothing in it; another one beside it, as another process has it.

Setting up a schema takes a server a second, so the session's databases are made once and emptied again.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from axion_bus.store.migrate import prepare
from axion_bus.store.schema import metadata
from axion_bus.store.sql import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from axion_bus.store.sql import SqlStore
    from tests.servers import MariaDb

TIMEOUT_S = 10.0


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema."""
    path = tmp_path_factory.mktemp("template") / "axion-bus.db"
    asyncio.run(_prepare(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def mariadb_with_schema(mariadb: MariaDb) -> str:
    """The URL of a server's database with the schema; whoever uses it empties it first."""
    url = mariadb.fresh_database()
    asyncio.run(_prepare(url))
    return url


async def _prepare(url: str) -> None:
    async with open_store(url, password=None, pool_size=1, timeout_s=TIMEOUT_S) as store:
        await prepare(store.engine)


@pytest.fixture
def empty_mariadb(mariadb: MariaDb, mariadb_with_schema: str) -> str:
    """The URL of a database with the schema and no rows, on a server."""
    with mariadb.connect(mariadb_with_schema.rpartition("/")[2]) as cursor:
        for table in reversed(metadata.sorted_tables):
            cursor.execute(f"DELETE FROM {table.name}")
    return mariadb_with_schema


@pytest.fixture
def empty_sqlite(tmp_path: Path, sqlite_template: Path) -> str:
    """The URL of a SQLite file with the schema and no rows."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with the schema and no rows: the test runs once for each kind."""
    return str(request.getfixturevalue(f"empty_{request.param}"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    """A store without a row."""
    async with open_store(url, password=None, pool_size=5, timeout_s=TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def other_store(store: SqlStore, url: str) -> AsyncIterator[SqlStore]:
    """Another store on the same database."""
    async with open_store(url, password=None, pool_size=5, timeout_s=TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def mariadb_store(empty_mariadb: str) -> AsyncIterator[SqlStore]:
    """A store on a server, for what needs several writers at once."""
    async with open_store(empty_mariadb, password=None, pool_size=5, timeout_s=TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def sqlite_store(empty_sqlite: str) -> AsyncIterator[SqlStore]:
    """A store in a file."""
    async with open_store(empty_sqlite, password=None, pool_size=5, timeout_s=TIMEOUT_S) as opened:
        yield opened


@pytest.fixture
async def other_sqlite_store(sqlite_store: SqlStore, empty_sqlite: str) -> AsyncIterator[SqlStore]:
    """Another store on the same file."""
    async with open_store(empty_sqlite, password=None, pool_size=5, timeout_s=TIMEOUT_S) as opened:
        yield opened
