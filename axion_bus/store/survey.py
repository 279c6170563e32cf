"""How the database stands, for whoever watches over it: what is to be sent, and how many incidents are open. Reads only.

Two statements, each by an index; asked every few seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from axion_bus.domain.incident import IncidentStatus
from axion_bus.ports import Backlog, Standing
from axion_bus.store.schema import communication, incident

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_c, _i = communication.c, incident.c
_number = func.count().label("number")

# NextAttemptAt is that of what is PENDING, and NULL elsewhere
_backlogs = (
    select(_c.Channel, _number, func.min(_c.Timestamp).label("queued_at"), func.min(_c.NextAttemptAt).label("due_at"))
    .where(_c.NextAttemptAt.is_not(None))
    .group_by(_c.Channel)
)
_open_incidents = select(_i.Severity, _number).where(_i.Status != IncidentStatus.CLOSED.value).group_by(_i.Severity)


async def standing(connection: AsyncConnection) -> Standing:
    """Count what is to be sent by channel, and the open incidents by severity; what there is none of is left out."""
    backlogs = {
        row.Channel: Backlog(messages=row.number, queued_at=row.queued_at, due_at=row.due_at)
        for row in await connection.execute(_backlogs)
    }
    counted = {row.Severity: row.number for row in await connection.execute(_open_incidents)}
    return Standing(backlogs=backlogs, open_incidents=counted)
