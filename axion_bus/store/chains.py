"""Why something was said or done: from a message to what caused it and what followed, along incident, alert and request.

Reads only. Called by the manager for ``explain``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from axion_bus.domain.communication import Direction
from axion_bus.store import queries
from axion_bus.store.schema import attempt, communication

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

Row = dict[str, Any]

MAX_ROWS = 500
"""How much of one incident's traffic is shown, the newest of it."""

_c = communication.c


async def of_incident(connection: AsyncConnection, guid: str) -> Row:
    """Everything that came in about an incident, and everything that went out. Raises NotFound."""
    incident = await queries.incident_row(connection, guid)
    rows = await queries.communications(connection, incident_guid=guid, channel=None, limit=MAX_ROWS)
    rows.reverse()
    return {
        "subject": None,
        "incident": incident,
        "causes": [row for row in rows if row["Direction"] == Direction.INBOUND],
        "effects": await _with_attempts(connection, [row for row in rows if row["Direction"] == Direction.OUTBOUND]),
        "timeline": await queries.timeline_rows(connection, guid),
    }


async def of_message(connection: AsyncConnection, short_ref: str) -> Row | None:
    """A message with what led to it and what it led to; None: nobody knows the reference."""
    subject = await queries.communication_row(connection, short_ref)
    if subject is None:
        return None
    guid = subject["IncidentGuid"]
    related = await _related(connection, subject)
    before = [row for row in related if row["Direction"] == Direction.INBOUND and row["Timestamp"] <= subject["Timestamp"]]
    after = [row for row in related if row["Direction"] == Direction.OUTBOUND]
    is_inbound = subject["Direction"] == Direction.INBOUND
    return {
        "subject": subject,
        "incident": None if guid is None else await queries.incident_row(connection, guid),
        "causes": [] if is_inbound else before,
        "effects": await _with_attempts(connection, [row for row in after if is_inbound and _follows(row, subject)]),
        "timeline": [],
    }


def _follows(row: Row, subject: Row) -> bool:
    """What a message led to was queued in its transaction: not before it came in."""
    return bool(row["Timestamp"] >= subject["Timestamp"])


async def _related(connection: AsyncConnection, subject: Row) -> list[Row]:
    """The other messages of the same alert in the same incident, or of the same request, in order."""
    if subject["IncidentGuid"] is None:
        links = [subject["Metadata"].get(name) for name in ("request", "response")] if subject["Metadata"] else []
        wanted = _c.CommunicationGuid.in_([link for link in links if link])
    else:
        same = _c.AlertGuid.is_(None) if subject["AlertGuid"] is None else _c.AlertGuid == subject["AlertGuid"]
        wanted = (_c.IncidentGuid == subject["IncidentGuid"]) & or_(same, _c.AlertGuid.is_(None))
    others = queries.all_communications.where(wanted, _c.CommunicationGuid != subject["CommunicationGuid"])
    found = await connection.execute(others.order_by(_c.Timestamp, _c.CommunicationGuid).limit(MAX_ROWS))
    return [dict(row) for row in found.mappings()]


async def _with_attempts(connection: AsyncConnection, rows: list[Row]) -> list[Row]:
    guids = [row["CommunicationGuid"] for row in rows]
    tries = select(attempt).where(attempt.c.CommunicationGuid.in_(guids)).order_by(attempt.c.AttemptId)
    by_guid: dict[str, list[Row]] = {}
    for each in (await connection.execute(tries)).mappings():
        by_guid.setdefault(each["CommunicationGuid"], []).append(dict(each))
    return [{**row, "AttemptLog": by_guid.get(row["CommunicationGuid"], [])} for row in rows]
