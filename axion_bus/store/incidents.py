"""Statements on ``data_incident``, its links and its timeline."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import CloseReason, Incident, IncidentStatus
from axion_bus.store.engine import insert, upsert
from axion_bus.store.schema import incident, incident_alert, timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.incident import TimelineEntry
    from axion_bus.ports import Link

STATE_KEPT_AFTER_CLOSE = timedelta(hours=1)
"""How long the retained state of a closed incident stays on the bus before it is emptied."""

_FIXED = frozenset({"IncidentGuid", "CreatedAt", "CorrelationKey"})
_columns = [column for column in incident.c if column.computed is None and column.name != "ClearStateAt"]
_CHANGING = (*(column.name for column in _columns if column.name not in _FIXED), "ClearStateAt")
_incidents = select(*_columns)
_locked = _incidents.with_for_update()


async def by_key(connection: AsyncConnection, keys: Collection[str], closed_since: datetime | None) -> list[Incident]:
    """The open incidents of ``keys`` and those closed since ``closed_since``, locked."""
    wanted = sorted(keys)
    found = [_incident(row) for row in await connection.execute(_locked.where(incident.c.OpenKey.in_(wanted)))]
    if closed_since is not None:
        closed = _locked.where(incident.c.CorrelationKey.in_(wanted), incident.c.ClosedAt >= closed_since)
        found += [_incident(row) for row in await connection.execute(closed)]
    return found


async def by_guid(connection: AsyncConnection, guids: Collection[str]) -> list[Incident]:
    """The incidents with these guids, locked."""
    found = await connection.execute(_locked.where(incident.c.IncidentGuid.in_(sorted(guids))))
    return [_incident(row) for row in found]


async def to_close(connection: AsyncConnection, now: datetime, limit: int) -> list[Incident]:
    """Incidents in MONITORING whose quiet time ended before ``now``, locked."""
    due = incident.c.AutoCloseAt <= now, incident.c.Status == IncidentStatus.MONITORING.value
    found = await connection.execute(_locked.where(*due).order_by(incident.c.AutoCloseAt).limit(limit))
    return [_incident(row) for row in found]


async def open_page(connection: AsyncConnection, after: str, limit: int) -> list[Incident]:
    """A page of the open incidents, ordered by guid."""
    page = incident.c.Status != IncidentStatus.CLOSED.value, incident.c.IncidentGuid > after
    found = await connection.execute(_incidents.where(*page).order_by(incident.c.IncidentGuid).limit(limit))
    return [_incident(row) for row in found]


async def to_clear(connection: AsyncConnection, now: datetime, limit: int) -> list[str]:
    """Incidents closed so long ago that their retained state is to be emptied."""
    due = select(incident.c.IncidentGuid).where(incident.c.ClearStateAt <= now).order_by(incident.c.ClearStateAt).limit(limit)
    return list((await connection.execute(due)).scalars())


async def cleared(connection: AsyncConnection, guids: Sequence[str]) -> None:
    """Their retained state is gone from the bus."""
    done = update(incident).where(incident.c.IncidentGuid.in_(guids), incident.c.Status == IncidentStatus.CLOSED.value)
    await connection.execute(done.values(ClearStateAt=None))


async def summary(connection: AsyncConnection) -> dict[str, dict[str, int]]:
    """Counts of the open incidents by status, severity and package."""
    by = incident.c.Status, incident.c.Severity, incident.c.Package
    counts: dict[str, dict[str, int]] = {"status": {}, "severity": {}, "package": {}}
    rows = await connection.execute(select(*by, func.count()).where(incident.c.Status != IncidentStatus.CLOSED.value).group_by(*by))
    for *values, number in rows:
        for name, value in zip(counts, values, strict=True):
            counts[name][value] = counts[name].get(value, 0) + number
    return counts


async def add(connection: AsyncConnection, incidents: Sequence[Incident]) -> None:
    """Insert new incidents; a unique index refuses a second open one of a key."""
    if incidents:
        rows = [_row(each) for each in sorted(incidents, key=lambda each: each.correlation_key or "")]
        await connection.execute(insert(incident, connection), rows)


async def change(connection: AsyncConnection, incidents: Sequence[Incident]) -> None:
    """Update incidents that this transaction has locked, as one multi-row statement."""
    if incidents:
        rows = [_row(each) for each in sorted(incidents, key=lambda each: each.guid)]
        await connection.execute(upsert(incident, connection, _CHANGING), rows)


async def link(connection: AsyncConnection, links: Sequence[Link]) -> None:
    """Link alerts to incidents; a link that is there already stays as it is."""
    if links:
        rows = [{"IncidentGuid": each.incident_guid, "AlertGuid": each.alert_guid, "LinkedAt": each.at} for each in links]
        await connection.execute(upsert(incident_alert, connection, ("AlertGuid",)), rows)


async def tell(connection: AsyncConnection, entries: Sequence[TimelineEntry]) -> None:
    """Append to timelines, in order."""
    if entries:
        rows = [
            {
                "IncidentGuid": entry.incident_guid,
                "EventType": entry.event.value,
                "Description": entry.description,
                "CreatedBy": entry.by,
                "Timestamp": entry.at,
            }
            for entry in entries
        ]
        await connection.execute(insert(timeline, connection), rows)


def _row(each: Incident) -> dict[str, Any]:
    return {
        "IncidentGuid": each.guid,
        "Title": each.title,
        "Severity": each.severity.name,
        "Status": each.status.value,
        "Package": each.package,
        "Description": each.description,
        "AssignedTo": each.assigned_to,
        "CreatedAt": each.created_at,
        "UpdatedAt": each.updated_at,
        "AcknowledgedAt": each.acknowledged_at,
        "ClosedAt": each.closed_at,
        "CloseReason": None if each.close_reason is None else each.close_reason.value,
        "MergedInto": each.merged_into,
        "Version": each.version,
        "Sequence": each.sequence,
        "RuleName": each.rule,
        "CorrelationKey": each.correlation_key,
        "AutoCloseAt": each.auto_close_at,
        "ClearStateAt": None if each.closed_at is None else each.closed_at + STATE_KEPT_AFTER_CLOSE,
    }


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        guid=row.IncidentGuid,
        title=row.Title,
        severity=Severity[row.Severity],
        status=IncidentStatus(row.Status),
        package=row.Package,
        description=row.Description,
        assigned_to=row.AssignedTo,
        created_at=row.CreatedAt,
        updated_at=row.UpdatedAt,
        acknowledged_at=row.AcknowledgedAt,
        closed_at=row.ClosedAt,
        close_reason=None if row.CloseReason is None else CloseReason(row.CloseReason),
        merged_into=row.MergedInto,
        version=row.Version,
        sequence=row.Sequence,
        rule=row.RuleName,
        correlation_key=row.CorrelationKey,
        auto_close_at=row.AutoCloseAt,
    )
