"""Statements on ``def_silence``, which any process may write, and people by hand: what cannot be read is a fault and no error."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from sqlalchemy import bindparam, delete, select

from axion_bus.domain.noise import Silence
from axion_bus.domain.rules import parse_matcher
from axion_bus.store.prepared import Prepared
from axion_bus.store.rows import insert_rows, is_given, read_rows, read_time, select_rows, stored_json, stored_time
from axion_bus.store.schema import silence

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.rules import Matcher

_COLUMNS = tuple(column.name for column in silence.c)
ENDING = "silence"
"""The kind of the rows of ``ending``."""
ending = select_rows(silence.c, ENDING).where(silence.c.EndsAt > bindparam("ends_after"))
"""The silences that end after ``ends_after``."""
_ending = Prepared(ending)
_by_guid = select_rows(silence.c).where(is_given(silence.c.SilenceGuid)).with_for_update()


async def ending_after(connection: AsyncConnection, after: datetime) -> list[Silence]:
    """The silences that end after that time, the oldest first."""
    return oldest_first([read_silence(*row) for _, *row in await _ending.rows(connection, ends_after=after)])


def oldest_first(silences: list[Silence]) -> list[Silence]:
    """In the order in which they were made; one whose times cannot be read comes first."""
    return sorted(silences, key=lambda each: (each.created_at is not None, each.created_at, each.guid))


async def by_guid(connection: AsyncConnection, guids: Collection[str]) -> list[Silence]:
    """The silences with these guids, locked."""
    return [read_silence(*row) for row in await read_rows(connection, _by_guid, given=sorted(guids))]


async def newest(connection: AsyncConnection, ends_after: datetime | None, limit: int) -> list[Silence]:
    """Silences that end after that time (None: all), the newest first."""
    wanted = select_rows(silence.c) if ends_after is None else select_rows(silence.c).where(silence.c.EndsAt > ends_after)
    newest_first = wanted.order_by(silence.c.CreatedAt.desc(), silence.c.SilenceGuid.desc())
    return [read_silence(*row) for row in await read_rows(connection, newest_first.limit(limit))]


async def guids_like(connection: AsyncConnection, prefix: str, limit: int) -> list[str]:
    """The guids of silences that begin with ``prefix``, ``limit`` at most; for short guids."""
    begins = silence.c.SilenceGuid.startswith(prefix, autoescape=True)
    return list((await connection.execute(select(silence.c.SilenceGuid).where(begins).limit(limit))).scalars())


async def put(connection: AsyncConnection, silences: Sequence[Silence]) -> None:
    """Write silences, each in the place of the one with its guid."""
    if not silences:
        return
    await connection.execute(delete(silence).where(silence.c.SilenceGuid.in_([each.guid for each in silences])))
    await insert_rows(connection, silence, _COLUMNS, [_row(each) for each in silences])


def _row(each: Silence) -> tuple[Any, ...]:
    return (
        each.guid,
        stored_json([matcher.text for matcher in each.matchers]),
        each.comment,
        each.created_by,
        stored_time(each.created_at),
        stored_time(each.starts_at),
        stored_time(each.ends_at),
        each.expired_by,
    )


def read_silence(  # noqa: PLR0917 - the columns, in their order
    guid: str,
    matchers: str,
    comment: str,
    created_by: str,
    created_at: str,
    starts_at: str,
    ends_at: str,
    expired_by: str | None,
) -> Silence:
    """The silence that a row is; what cannot be read of it is its fault."""
    about: dict[str, Any] = {"guid": guid, "comment": comment, "created_by": created_by, "expired_by": expired_by}
    try:
        times: dict[str, Any] = {
            "created_at": read_time(created_at),
            "starts_at": read_time(starts_at),
            "ends_at": read_time(ends_at),
        }
    except (ValueError, TypeError):
        return Silence(**about, matchers=(), fault="its times are not written like 2026-01-31 22:00:00")
    try:
        return Silence(**about, **times, matchers=_matchers(matchers))
    except ValueError as exc:
        return Silence(**about, **times, matchers=(), fault=str(exc))


def _matchers(text: str) -> tuple[Matcher, ...]:
    written = 'its Matchers are not written like ["package = BACKUP", "severity >= HIGH"]'
    try:
        found = from_json(text)
    except ValueError:
        raise ValueError(written) from None
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise ValueError(written)
    return tuple(map(_matcher, found))


@lru_cache(maxsize=1024)
def _matcher(text: str) -> Matcher:
    """Compiled once: the silences in force are read with every batch."""
    return parse_matcher(text)
