"""Statements on the audit stream: rows that came in, the outbox that the relay claims and settles, and its attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, update

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.ports import Outgoing
from axion_bus.store.engine import insert
from axion_bus.store.schema import attempt, communication

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.communication import Channel, Communication
    from axion_bus.ports import Settlement

BEHIND_ANOTHER = timedelta(milliseconds=200)
"""How long a row waits whose predecessor is leased to somebody else or waits for its next attempt."""

_c = communication.c
_PENDING = CommunicationStatus.PENDING.value


async def exists(connection: AsyncConnection, guid: str) -> bool:
    """Whether the row ``guid`` is there."""
    found = await connection.execute(select(_c.CommunicationGuid).where(_c.CommunicationGuid == guid))
    return found.first() is not None


async def accepted(connection: AsyncConnection, ingest_keys: Collection[str]) -> frozenset[str]:
    """Those of ``ingest_keys`` that are there already."""
    found = await connection.execute(select(_c.IngestKey).where(_c.IngestKey.in_(sorted(ingest_keys))))
    return frozenset(found.scalars())


async def add(connection: AsyncConnection, rows: Sequence[Communication]) -> None:
    """Append to the audit stream, in order; unique indexes refuse a second row of a (source, id) or reference."""
    inbound = [_inbound(row) for row in rows if row.direction is Direction.INBOUND]
    outbound = [_outbound(row) for row in rows if row.direction is Direction.OUTBOUND]
    if inbound:
        await connection.execute(insert(communication, connection), inbound)
    if outbound:
        await connection.execute(insert(communication, connection), outbound)


async def claim(
    connection: AsyncConnection, channel: Channel, *, owner: str, now: datetime, lease_until: datetime, limit: int
) -> list[Outgoing]:
    """Lease what is due to ``owner``: of each incident the oldest unsettled rows, so that no event overtakes another."""
    due = (
        select(_c.CommunicationGuid, _c.IncidentGuid, _c.Sequence, _c.Recipient, _c.Message, _c.Attempts)
        .where(_c.NextAttemptAt <= now, _c.Channel == channel.value, _c.Status == _PENDING)
        .where(or_(_c.LeaseUntil.is_(None), _c.LeaseUntil < now))
        .order_by(_c.NextAttemptAt, _c.CommunicationGuid)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(await connection.execute(due))
    if not rows:
        return []
    heads = await _first_not_taken(connection, channel, rows)
    behind = [row for row in rows if row.Sequence is not None and row.Sequence > heads.get(row.IncidentGuid, row.Sequence)]
    waiting = {row.CommunicationGuid for row in behind}
    taken = [row for row in rows if row.CommunicationGuid not in waiting]
    lease = {"LeaseOwner": owner, "LeaseUntil": lease_until}
    await _set(connection, [row.CommunicationGuid for row in taken], lease)
    await _set(connection, sorted(waiting), {"NextAttemptAt": now + BEHIND_ANOTHER})
    return [Outgoing(*row) for row in taken]


async def _first_not_taken(connection: AsyncConnection, channel: Channel, rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, int]:
    """For each incident of ``rows``, the lowest sequence that is unsettled and not among them."""
    incidents = sorted({row.IncidentGuid for row in rows if row.IncidentGuid is not None})
    if not incidents:
        return {}
    unsettled = (
        select(_c.IncidentGuid, func.min(_c.Sequence))
        .where(_c.IncidentGuid.in_(incidents), _c.NextAttemptAt.is_not(None), _c.Channel == channel.value)
        .where(_c.CommunicationGuid.not_in([row.CommunicationGuid for row in rows]))
        .group_by(_c.IncidentGuid)
    )
    return {guid: first for guid, first in await connection.execute(unsettled) if first is not None}


async def _set(connection: AsyncConnection, guids: Sequence[str], values: dict[str, Any]) -> None:
    if guids:
        await connection.execute(update(communication).where(_c.CommunicationGuid.in_(guids)).values(**values))


async def settle(connection: AsyncConnection, settlements: Sequence[Settlement]) -> None:
    """Append the attempts; what was delivered is SENT, what was not waits for its next attempt, with all behind it."""
    rows = [
        {
            "CommunicationGuid": each.guid,
            "Number": each.attempt,
            "StartedAt": each.started_at,
            "FinishedAt": each.finished_at,
            "Status": CommunicationStatus.FAILED.value if each.error else CommunicationStatus.SENT.value,
            "ErrorMessage": each.error,
        }
        for each in settlements
    ]
    await connection.execute(insert(attempt, connection), rows)
    delivered = [each.guid for each in settlements if each.error is None]
    if delivered:
        sent = {"Status": CommunicationStatus.SENT.value, "NextAttemptAt": None, "ErrorMessage": None}
        await _set(connection, delivered, {**sent, "Attempts": _c.Attempts + 1, "LeaseOwner": None, "LeaseUntil": None})
    for each in settlements:
        if each.error is not None:
            await _postpone(connection, each)


async def _postpone(connection: AsyncConnection, failed: Settlement) -> None:
    status = _PENDING if failed.next_attempt_at else CommunicationStatus.FAILED.value
    values = {"Status": status, "NextAttemptAt": failed.next_attempt_at, "ErrorMessage": failed.error}
    await _set(connection, [failed.guid], {**values, "Attempts": _c.Attempts + 1, "LeaseOwner": None, "LeaseUntil": None})


async def release(connection: AsyncConnection, owner: str) -> None:
    """End the leases of ``owner`` on what is still unsettled."""
    mine = update(communication).where(_c.NextAttemptAt.is_not(None), _c.LeaseOwner == owner)
    await connection.execute(mine.values(LeaseOwner=None, LeaseUntil=None))


def _common(row: Communication) -> dict[str, Any]:
    return {
        "CommunicationGuid": row.guid,
        "IncidentGuid": row.incident_guid,
        "AlertGuid": row.alert_guid,
        "ShortRef": row.short_ref,
        "Channel": row.channel.value,
        "Direction": row.direction.value,
        "Status": row.status.value,
        "Message": row.message,
        "Recipient": row.recipient,
        "Timestamp": row.timestamp,
        "Metadata": row.metadata,
    }


def _inbound(row: Communication) -> dict[str, Any]:
    return {
        **_common(row),
        "ExternalId": row.external_id,
        "ErrorMessage": row.error_message,
        "IngestKey": row.ingest_key,
        "Raw": row.raw,
    }


def _outbound(row: Communication) -> dict[str, Any]:
    return {**_common(row), "Sequence": row.sequence, "NextAttemptAt": row.next_attempt_at}
