"""What a report asks beside ``queries``: messages with people, how much went over the bus, how the status changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from axion_bus.domain.communication import Channel
from axion_bus.store.queries import all_communications
from axion_bus.store.schema import communication

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

Row = dict[str, Any]

_c = communication.c
_BUSES = (Channel.MQTT.value, Channel.DBUS.value)


async def with_people(connection: AsyncConnection, guid: str, limit: int) -> list[Row]:
    """The latest ``limit`` communications of an incident that were no bus traffic, in their order."""
    wanted = all_communications.where(_c.IncidentGuid == guid, _c.Channel.not_in(_BUSES))
    latest = wanted.order_by(_c.Timestamp.desc(), _c.CommunicationGuid.desc()).limit(limit)
    return [dict(row) for row in reversed((await connection.execute(latest)).mappings().all())]


async def bus_messages(connection: AsyncConnection, guid: str) -> int:
    """How many messages of an incident came and went over the buses."""
    counted = select(func.count()).where(_c.IncidentGuid == guid, _c.Channel.in_(_BUSES))
    return int((await connection.execute(counted)).scalar_one())


async def statuses(connection: AsyncConnection, guid: str) -> list[tuple[datetime, str]]:
    """From when on an incident had which status, as its events tell; what was merged into it is not its own history."""
    status = func.json_extract(_c.Message, "$.data.incident.status")
    told = select(_c.Timestamp, status).where(_c.IncidentGuid == guid, _c.Sequence.is_not(None)).order_by(_c.Sequence)
    found: list[tuple[datetime, str]] = []
    for at, text in await connection.execute(told):
        name = (text or "").strip('"')  # MariaDB gives the JSON text, SQLite its value
        if name and (not found or found[-1][1] != name):
            found.append((at, name))
    return found
