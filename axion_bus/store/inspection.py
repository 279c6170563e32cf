"""What ``doctor`` asks a database about itself, and what it is told: facts, no verdicts. Reads only.

A file is read beside a running daemon without its lock, and without leaving anything behind.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import apsw
from sqlalchemy import text

from axion_bus.errors import StoreUnavailable
from axion_bus.store.engine import connected, make_engine
from axion_bus.store.migrate import SchemaStatus
from axion_bus.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

_VARIABLES = (
    "innodb_flush_log_at_trx_commit",
    "sql_mode",
    "time_zone",
    "character_set_database",
    "tx_isolation",
    "max_allowed_packet",
)
_GAP_REASONS = ("session_lost", "broker_dropped", "signals_missed", "signals_dropped", "reload_refused")
_WAL_OFFSET = 18  # sqlite.org/fileformat.html 1.3: 2 means that the file is in WAL mode
_NEWEST = "SELECT Timestamp FROM data_incident_communication ORDER BY Timestamp DESC LIMIT 1"
_GAPS = (
    "SELECT ShortRef, ErrorMessage FROM data_incident_communication"
    " WHERE Timestamp > :since AND Direction = 'INBOUND' AND Status = 'FAILED' AND ExternalId IS NULL AND IngestKey IS NULL"
    " ORDER BY Timestamp DESC LIMIT 500"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What both kinds of database tell. ``newest`` is the time of the newest row of the audit stream.

    ``gaps`` are references and texts of what was lost within the last day, the newest first.
    """

    schema: SchemaStatus
    newest: datetime | None = None
    gaps: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts(Facts):
    """What a server tells. ``tables`` are engine and character set of ours; ``offset`` is how far its clock is ahead of ours."""

    version: str
    user: str
    variables: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    grants: Sequence[str] = ()
    offset: timedelta = timedelta()


async def look_at_server(url: str, password: str | None, timeout_s: float) -> ServerFacts:
    """Ask the server. Raises StoreUnavailable, whose cause is the driver's error."""
    engine = make_engine(url, password=password, pool_size=1, timeout_s=timeout_s)
    try:
        async with connected(engine, timeout_s) as connection:
            return await _ask(connection, _database(url))
    finally:
        await engine.dispose()


def _database(url: str) -> str:
    return url.rpartition("/")[2]


async def _ask(connection: AsyncConnection, database: str) -> ServerFacts:
    async def rows(query: str, **values: Any) -> list[Any]:
        return list((await connection.execute(text(query), values)).all())

    ((version, user, now),) = await rows("SELECT VERSION(), CURRENT_USER(), UTC_TIMESTAMP(6)")
    ours = datetime.now(UTC)
    names = ", ".join(f"'{name}'" for name in _VARIABLES)
    variables = dict(map(tuple, await rows(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})")))
    tables = await rows(
        "SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = :database",
        database=database,
    )
    known = {name: (engine, str(collation)) for name, engine, collation in tables if name in metadata.tables}
    has_schema = any(name == "alembic_version" for name, _, _ in tables)
    found = (await rows("SELECT version_num FROM alembic_version"))[0][0] if has_schema else None
    has_rows = "data_incident_communication" in known
    newest = await rows(_NEWEST) if has_rows else []
    gaps = await rows(_GAPS, since=(ours - timedelta(days=1)).replace(tzinfo=None)) if has_rows else []
    return ServerFacts(
        schema=SchemaStatus(found),
        newest=newest[0][0].replace(tzinfo=UTC) if newest else None,
        gaps=_told(gaps),
        version=version,
        user=user,
        variables=variables,
        tables=known,
        grants=[row[0] for row in await rows("SHOW GRANTS")],
        offset=now.replace(tzinfo=UTC) - ours,
    )


async def look_at_file(path: Path, timeout_s: float) -> Facts:
    """Read the file. Raises StoreUnavailable."""
    return await asyncio.to_thread(_read, path, timeout_s)


def _read(path: Path, timeout_s: float) -> Facts:
    try:
        with closing(apsw.Connection(_read_only(path), apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)) as connection:
            connection.set_busy_timeout(int(timeout_s * 1000))
            return _facts(connection)
    except (apsw.Error, OSError) as exc:
        raise StoreUnavailable(f"{path}: {getattr(exc, 'strerror', None) or exc}") from exc


def _read_only(path: Path) -> str:
    """A URI for reading; of a file in WAL mode that nobody has open, for reading it as it lies there.

    To open such a one is to make files beside it, ours, which its owner could not write.
    """
    with path.open("rb") as file:
        header = file.read(100)
    is_lying = header[_WAL_OFFSET : _WAL_OFFSET + 1] == b"\2" and not path.with_name(f"{path.name}-shm").exists()
    return f"file:{quote(str(path))}?mode=ro" + ("&immutable=1" if is_lying else "")


def _facts(connection: apsw.Connection) -> Facts:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone() if "alembic_version" in tables else None
    schema = SchemaStatus(version[0] if version else None)
    if "data_incident_communication" not in tables:
        return Facts(schema=schema)
    newest = connection.execute(_NEWEST).fetchone()
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    return Facts(
        schema=schema,
        newest=datetime.fromisoformat(newest[0]).replace(tzinfo=UTC) if newest else None,
        gaps=_told(connection.execute(_GAPS, {"since": since}).fetchall()),
    )


def _told(rows: Sequence[Any]) -> Sequence[tuple[str, str]]:
    is_gap = re.compile(f"({'|'.join(_GAP_REASONS)}): ")
    return [(reference, error) for reference, error in rows if error and is_gap.match(error)]
