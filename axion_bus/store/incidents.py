"""Statements on ``data_incident``, its links and its timeline."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import CloseReason, Incident, IncidentStatus
from axion_bus.store.prepared import Prepared
from axion_bus.store.rows import (
    insert_missing,
    insert_rows,
    is_given,
    read_rows,
    read_time,
    read_time_or_none,
    select_rows,
    stored_time,
    update_rows,
)
from axion_bus.store.schema import incident, incident_alert, timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.incident import TimelineEntry
    from axion_bus.ports import Link
    from axion_bus.store.together import Writer

STATE_KEPT_AFTER_CLOSE = timedelta(hours=1)
"""How long the retained state of a closed incident stays on the bus before it is emptied."""

OPEN, CLOSED = "incident", "closed"
"""The kinds of the rows of ``open_of`` and ``closed_of``."""
_COLUMNS = tuple(column.name for column in incident.c if column.computed is None and column.name != "ClearStateAt")
_incidents = select_rows(incident.c[name] for name in _COLUMNS)
_locked = _incidents.with_for_update()
# The hints: MariaDB would read a small table whole, and so wait for the rows that another daemon has locked.
open_of = (
    select_rows((incident.c[name] for name in _COLUMNS), OPEN)
    .with_hint(incident, "FORCE INDEX (uq_incident_open)", "mysql")
    .where(is_given(incident.c.OpenKey, "keys"))
    .with_for_update()
)
"""The open incidents of the ``keys``, locked."""
closed_of = (
    select_rows((incident.c[name] for name in _COLUMNS), CLOSED)
    .with_hint(incident, "FORCE INDEX (idx_incident_key)", "mysql")
    .where(is_given(incident.c.CorrelationKey, "reopened"), incident.c.ClosedAt >= bindparam("since"))
    .with_for_update()
)
"""The incidents of the keys ``reopened`` that were closed ``since``, locked."""
_by_key = Prepared(open_of, closed_of)
_by_guid = Prepared(_locked.where(is_given(incident.c.IncidentGuid)))


async def by_key(connection: AsyncConnection, keys: Collection[str], closed_since: datetime | None) -> list[Incident]:
    """The open incidents of ``keys`` and those closed since ``closed_since``, locked."""
    wanted = sorted(keys)
    found = await _by_key.rows(connection, keys=wanted, reopened=wanted if closed_since else (), since=closed_since)
    return [read_incident(*row) for _, *row in found]


async def by_guid(connection: AsyncConnection, guids: Collection[str]) -> list[Incident]:
    """The incidents with these guids, locked."""
    return [read_incident(*row) for row in await _by_guid.rows(connection, given=sorted(guids))]


async def to_close(connection: AsyncConnection, now: datetime, limit: int) -> list[Incident]:
    """Incidents in MONITORING whose quiet time ended before ``now``, locked."""
    due = incident.c.AutoCloseAt <= now, incident.c.Status == IncidentStatus.MONITORING.value
    return await _read(connection, _locked.where(*due).order_by(incident.c.AutoCloseAt).limit(limit))


async def to_remind(
    connection: AsyncConnection, unchanged_since: datetime, severities: Collection[Severity], limit: int
) -> list[Incident]:
    """Incidents that nobody has taken on and that have not changed since; looked for without a lock, then locked by guid."""
    waiting = incident.c.Status == IncidentStatus.CREATED.value, incident.c.UpdatedAt <= unchanged_since
    wanted = incident.c.Severity.in_([each.name for each in severities])
    found = select(incident.c.IncidentGuid).where(*waiting, wanted).order_by(incident.c.UpdatedAt).limit(limit)
    guids = list((await connection.execute(found)).scalars())
    locked = await by_guid(connection, guids) if guids else []
    return [each for each in locked if each.status is IncidentStatus.CREATED and each.updated_at <= unchanged_since]


async def last_guid(connection: AsyncConnection) -> str:
    """The highest guid of an incident; empty: there is none."""
    return (await connection.execute(select(func.max(incident.c.IncidentGuid)))).scalar() or ""


async def open_page(connection: AsyncConnection, after: str, last: str, limit: int) -> list[Incident]:
    """A page of the open incidents, ordered by guid, behind ``after`` and up to ``last``."""
    page = incident.c.Status != IncidentStatus.CLOSED.value, incident.c.IncidentGuid > after, incident.c.IncidentGuid <= last
    return await _read(connection, _incidents.where(*page).order_by(incident.c.IncidentGuid).limit(limit))


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


async def add(connection: Writer, incidents: Sequence[Incident]) -> None:
    """Insert new incidents; a unique index refuses a second open one of a key."""
    rows = [_row(each) for each in sorted(incidents, key=lambda each: each.correlation_key or "")]
    await insert_rows(connection, incident, (*_COLUMNS, "ClearStateAt"), rows)


async def change(connection: Writer, incidents: Sequence[Incident]) -> None:
    """Update incidents that this transaction has locked."""
    rows = [_row(each) for each in sorted(incidents, key=lambda each: each.guid)]
    await update_rows(connection, incident, (*_COLUMNS, "ClearStateAt"), rows)


async def link(connection: Writer, links: Sequence[Link]) -> None:
    """Link alerts to incidents; a link that is there already stays as it is."""
    rows = [(each.incident_guid, each.alert_guid, stored_time(each.at)) for each in links]
    await insert_missing(connection, incident_alert, ("IncidentGuid", "AlertGuid", "LinkedAt"), rows)


async def tell(connection: Writer, entries: Sequence[TimelineEntry]) -> None:
    """Append to timelines, in order."""
    rows = [(each.incident_guid, each.event.value, each.description, each.by, stored_time(each.at)) for each in entries]
    await insert_rows(connection, timeline, ("IncidentGuid", "EventType", "Description", "CreatedBy", "Timestamp"), rows)


async def _read(connection: AsyncConnection, statement: Select[Any], **parameters: Any) -> list[Incident]:
    return [read_incident(*row) for row in await read_rows(connection, statement, **parameters)]


def _row(each: Incident) -> tuple[Any, ...]:
    return (
        each.guid,
        each.title,
        each.severity.name,
        each.status.value,
        each.package,
        each.description,
        each.assigned_to,
        stored_time(each.created_at),
        stored_time(each.updated_at),
        stored_time(each.acknowledged_at),
        stored_time(each.closed_at),
        None if each.close_reason is None else each.close_reason.value,
        each.merged_into,
        each.version,
        each.sequence,
        each.rule,
        each.correlation_key,
        stored_time(each.auto_close_at),
        None if each.closed_at is None else stored_time(each.closed_at + STATE_KEPT_AFTER_CLOSE),
    )


def read_incident(  # noqa: PLR0917 - the columns, in their order
    guid: str,
    title: str,
    severity: str,
    status: str,
    package: str,
    description: str,
    assigned_to: str | None,
    created_at: str,
    updated_at: str,
    acknowledged_at: str | None,
    closed_at: str | None,
    close_reason: str | None,
    merged_into: str | None,
    version: int,
    sequence: int,
    rule: str | None,
    correlation_key: str | None,
    auto_close_at: str | None,
) -> Incident:
    """The incident that a row is."""
    return Incident(
        guid=guid,
        title=title,
        severity=Severity[severity],
        status=IncidentStatus(status),
        package=package,
        description=description,
        assigned_to=assigned_to,
        created_at=read_time(created_at),
        updated_at=read_time(updated_at),
        acknowledged_at=read_time_or_none(acknowledged_at),
        closed_at=read_time_or_none(closed_at),
        close_reason=None if close_reason is None else CloseReason(close_reason),
        merged_into=merged_into,
        version=version,
        sequence=sequence,
        rule=rule,
        correlation_key=correlation_key,
        auto_close_at=read_time_or_none(auto_close_at),
    )
