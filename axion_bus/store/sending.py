"""Statements of a message to a person: who may send it, the row of each attempt, the thread that it belongs to.

An attempt has its row before a byte leaves (G13), so one without an end tells that its sender was cut off. What goes to the bus is
``communications``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.domain.delivery import AttemptStatus
from axion_bus.ports import Leased
from axion_bus.store.communications import BEHIND_ANOTHER, BY_KEY, EXTERNAL_ID_CHARACTERS, attempt_status, due_rows, lease
from axion_bus.store.rows import insert_rows, is_given, stored_json, stored_time, update_rows
from axion_bus.store.schema import attempt, communication

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.ports import Outgoing, Settlement

_c, _a = communication.c, attempt.c
_PENDING = CommunicationStatus.PENDING.value
_SENT = CommunicationStatus.SENT.value
_unsettled = (
    select(_c.CommunicationGuid, _c.IncidentGuid, _c.Recipient, _c.NextAttemptAt)
    .where(is_given(_c.IncidentGuid), _c.NextAttemptAt.is_not(None), _c.Channel == bindparam("channel"))
    .order_by(_c.CommunicationGuid)
)
_leased = (
    select(_c.CommunicationGuid, _c.Attempts)
    .with_hint(communication, BY_KEY, "mysql")
    .where(is_given(_c.CommunicationGuid), _c.Status == _PENDING)
    .where(_c.LeaseOwner == bindparam("owner"), _c.LeaseUntil > bindparam("now"))
    .with_for_update()
)
_open_attempts = select(_a.CommunicationGuid).where(is_given(_a.CommunicationGuid), _a.FinishedAt.is_(None)).distinct()
_state = (
    select(_c.CommunicationGuid, _c.Status, _c.Attempts)
    .with_hint(communication, BY_KEY, "mysql")
    .where(is_given(_c.CommunicationGuid))
    .with_for_update()
)
_attempts = select(_a.AttemptId, _a.CommunicationGuid, _a.Number).where(
    is_given(_a.CommunicationGuid), _a.Number.in_(bindparam("numbers", expanding=True))
)
_counted = (
    update(communication)
    .with_hint(BY_KEY, communication, "mysql")
    .where(is_given(_c.CommunicationGuid))
    .values(Attempts=_c.Attempts + 1, LeaseOwner=bindparam("owner"), LeaseUntil=bindparam("until"))
)
_thread = (
    select(_c.ExternalId)
    .where(_c.IncidentGuid == bindparam("incident"), _c.NextAttemptAt.is_(None), _c.Channel == bindparam("channel"))
    .where(_c.Recipient == bindparam("recipient"), _c.Direction == Direction.OUTBOUND.value, _c.Status == _SENT)
    .where(_c.ExternalId.is_not(None), func.json_extract(_c.Metadata, "$.bundle").is_(None))
    .order_by(_c.Timestamp, _c.CommunicationGuid)
    .limit(1)
)
_ATTEMPT = ("CommunicationGuid", "Number", "StartedAt", "Status")
_SETTLED = ("CommunicationGuid", "Status", "NextAttemptAt", "ErrorMessage", "ExternalId", "LeaseOwner", "LeaseUntil")


async def claim_heads(
    connection: AsyncConnection, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int
) -> list[Outgoing]:
    """Lease what is due to ``owner``; of what tells one recipient of one incident only the oldest: nothing overtakes it."""
    while rows := await due_rows(connection, channel, now, limit):
        heads = await _heads(connection, channel, rows)
        taken = [row for row in rows if _waits_for(row, heads) is None]
        await lease(connection, [row.guid for row in taken], owner, lease_until)
        soon = now + BEHIND_ANOTHER
        behind = [(row.guid, stored_time(max(soon, at))) for row in rows if (at := _waits_for(row, heads)) is not None]
        await update_rows(connection, communication, ("CommunicationGuid", "NextAttemptAt"), behind)
        if taken or len(rows) < limit:
            return taken
    return []


async def _heads(
    connection: AsyncConnection, channel: str, rows: Sequence[Outgoing]
) -> dict[tuple[str | None, str], tuple[str, datetime]]:
    """For each incident and recipient of ``rows`` the oldest row that is unsettled, and when it is due."""
    incidents = sorted({row.incident_guid for row in rows if row.incident_guid is not None})
    heads: dict[tuple[str | None, str], tuple[str, datetime]] = {}
    if incidents:
        for guid, incident, recipient, at in await connection.execute(_unsettled, {"given": incidents, "channel": str(channel)}):
            heads.setdefault((incident, recipient), (guid, at))
    return heads


def _waits_for(row: Outgoing, heads: dict[tuple[str | None, str], tuple[str, datetime]]) -> datetime | None:
    """When the row that ``row`` is behind is due; None: it is behind none."""
    guid, at = heads.get((row.incident_guid, row.recipient), (row.guid, None))
    return None if guid == row.guid else at


async def leased(connection: AsyncConnection, guids: Collection[str], *, owner: str, now: datetime) -> dict[str, Leased]:
    """Those of ``guids`` that are still PENDING and ``owner``'s, locked."""
    rows = await connection.execute(_leased, _given(guids, owner=owner, now=now))
    found: dict[str, int] = {row.CommunicationGuid: row.Attempts for row in rows}
    tried = [guid for guid, attempts in found.items() if attempts]
    cut_off = set((await connection.execute(_open_attempts, _given(tried))).scalars()) if tried else set()
    return {guid: Leased(attempts=attempts, is_cut_off=guid in cut_off) for guid, attempts in found.items()}


async def begin(
    connection: AsyncConnection, attempts: Mapping[str, int], *, owner: str, at: datetime, lease_until: datetime
) -> None:
    """Append an attempt, by number, for each row of ``attempts``; the rows are ``owner``'s until ``lease_until``."""
    rows = [(guid, number, stored_time(at), AttemptStatus.SENDING.value) for guid, number in sorted(attempts.items())]
    await insert_rows(connection, attempt, _ATTEMPT, rows)
    if attempts:
        await connection.execute(_counted, _given(attempts, owner=owner, until=lease_until))


async def finish(connection: AsyncConnection, settlements: Sequence[Settlement]) -> frozenset[str]:
    """End attempts that were begun; return the rows that this decided: not those that somebody else has settled meanwhile."""
    if not settlements:
        return frozenset()
    guids = [each.guid for each in settlements]
    states = {guid: (status, number) for guid, status, number in await connection.execute(_state, _given(guids))}
    await _end_attempts(connection, settlements)
    decided = [each for each in settlements if each.guid in states and _decides(each, *states[each.guid])]
    plain = [_settled(each) for each in decided if each.metadata is None]
    changed = [(*_settled(each), stored_json(each.metadata)) for each in decided if each.metadata is not None]
    await update_rows(connection, communication, _SETTLED, plain)
    await update_rows(connection, communication, (*_SETTLED, "Metadata"), changed)
    return frozenset(each.guid for each in decided)


async def _end_attempts(connection: AsyncConnection, settlements: Sequence[Settlement]) -> None:
    numbers = sorted({each.attempt for each in settlements})
    found = await connection.execute(_attempts, _given([each.guid for each in settlements], numbers=numbers))
    ids = {(guid, number): attempt_id for attempt_id, guid, number in found}
    ended = [
        (ids[each.guid, each.attempt], stored_time(each.finished_at), attempt_status(each), each.error)
        for each in settlements
        if (each.guid, each.attempt) in ids
    ]
    await update_rows(connection, attempt, ("AttemptId", "FinishedAt", "Status", "ErrorMessage"), ended)


def _decides(settlement: Settlement, status: str, attempts: int) -> bool:
    """A delivery is one, however late; a failure counts while nobody else has begun another attempt or settled the row."""
    if settlement.error is None:
        return status != _SENT
    return status == _PENDING and attempts == settlement.attempt


def _settled(each: Settlement) -> tuple[Any, ...]:
    if each.error is None:
        external_id = None if each.external_id is None else each.external_id[:EXTERNAL_ID_CHARACTERS]
        return (each.guid, _SENT, None, None, external_id, None, None)
    status = _PENDING if each.next_attempt_at else CommunicationStatus.FAILED.value
    return (each.guid, status, stored_time(each.next_attempt_at), each.error, None, None, None)


async def thread(connection: AsyncConnection, incident_guid: str, channel: str, recipient: str) -> str | None:
    """The ExternalId of the first row of an incident that was sent on ``channel`` to ``recipient``, by itself."""
    found = await connection.execute(_thread, {"incident": incident_guid, "channel": str(channel), "recipient": recipient})
    first: str | None = found.scalar()
    return first


def _given(guids: Collection[str], **more: Any) -> dict[str, Any]:
    return {"given": sorted(guids), **more}
