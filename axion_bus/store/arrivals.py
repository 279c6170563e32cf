"""What came in, row by row of the audit stream, with what became of it: for whoever follows it live. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from axion_bus.domain.communication import Direction
from axion_bus.store.schema import alert, communication

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_c, _a = communication.c, alert.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message that came in. ``reason`` is a Reason's value, or that of the Fault that ``error`` puts into words, or another's.

    ``sender`` is a topic, or whoever else it came from. ``source`` to ``count`` are of its alert as that is now; None where it has
    none.
    """

    guid: str
    reference: str
    at: datetime
    channel: str
    sender: str
    message: str
    reason: str
    error: str | None
    incident_guid: str | None
    source: str | None
    package: str | None
    title: str | None
    severity: str | None
    count: int | None


async def arrivals_after(connection: AsyncConnection, guid: str, limit: int) -> Sequence[Arrival]:
    """What came in behind the row ``guid``, in the order of one daemon's guids."""
    wanted = (
        select(communication, _a.Source, _a.Package, _a.Title, _a.Severity, _a.Count)
        .join_from(communication, alert, _c.AlertGuid == _a.AlertGuid, isouter=True)
        .where(_c.Direction == Direction.INBOUND.value, _c.CommunicationGuid > guid)
        .order_by(_c.CommunicationGuid)
        .limit(limit)
    )
    return [
        Arrival(
            guid=row.CommunicationGuid,
            reference=row.ShortRef,
            at=row.Timestamp,
            channel=row.Channel,
            sender=row.Recipient,
            message=row.Message,
            reason=str((row.Metadata or {}).get("reason", "")),
            error=row.ErrorMessage,
            incident_guid=row.IncidentGuid,
            source=row.Source,
            package=row.Package,
            title=row.Title,
            severity=row.Severity,
            count=row.Count,
        )
        for row in await connection.execute(wanted)
    ]
