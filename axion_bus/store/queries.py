"""What people ask: incidents, their alerts, notes, timelines and communications, as dicts keyed by the guide's column names.

Reads only; a snapshot of their own is enough. Called by the manager. Figures are in ``metrics``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select

from axion_bus.errors import NotFound
from axion_bus.store.schema import alert, attempt, communication, incident, incident_alert, note, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.alert import Severity
    from axion_bus.domain.incident import IncidentStatus

Row = dict[str, Any]

_INTERNAL = frozenset({"Sequence", "CorrelationKey", "OpenKey", "AutoCloseAt", "ClearStateAt"})
_INTERNAL_COMMUNICATION = frozenset({"IngestKey", "Raw", "LeaseOwner", "LeaseUntil"})
_ALERT = (
    "Title",
    "Source",
    "Package",
    "Severity",
    "Status",
    "Count",
    "FirstSeenAt",
    "LastSeenAt",
    "ResolvedAt",
    "Description",
    "Labels",
)
_incidents = select(*(column for column in incident.c if column.name not in _INTERNAL))
all_communications = select(*(column for column in communication.c if column.name not in _INTERNAL_COMMUNICATION))


async def incident_row(connection: AsyncConnection, guid: str) -> Row:
    """The incident ``guid``. Raises NotFound, naming those that look alike."""
    found = (await connection.execute(_incidents.where(incident.c.IncidentGuid == guid))).mappings().first()
    if found is None:
        raise NotFound(f"there is no incident {guid}")
    return dict(found)


async def incidents(
    connection: AsyncConnection,
    *,
    status: IncidentStatus | None,
    severity: Severity | None,
    package: str | None,
    assigned_to: str | None,
    limit: int,
    offset: int,
) -> list[Row]:
    """Incidents, the newest first."""
    wanted: list[ColumnElement[bool]] = []
    if status is not None:
        wanted.append(incident.c.Status == status.value)
    if severity is not None:
        wanted.append(incident.c.Severity == severity.name)
    if package is not None:
        wanted.append(incident.c.Package == package)
    if assigned_to is not None:
        wanted.append(incident.c.AssignedTo == assigned_to)
    newest = incident.c.CreatedAt.desc(), incident.c.IncidentGuid.desc()
    return await _rows(connection, _incidents.where(*wanted).order_by(*newest).limit(limit).offset(offset))


async def guids_like(connection: AsyncConnection, prefix: str, limit: int) -> list[str]:
    """The guids of incidents that begin with ``prefix``, ``limit`` at most; for short guids."""
    begins = incident.c.IncidentGuid.startswith(prefix, autoescape=True)
    return list((await connection.execute(select(incident.c.IncidentGuid).where(begins).limit(limit))).scalars())


async def nearest_guids(connection: AsyncConnection, text: str, limit: int) -> list[str]:
    """The guids of incidents that stand beside ``text`` in order, ``limit`` on each side at most."""
    guid = incident.c.IncidentGuid
    below = (await connection.execute(select(guid).where(guid < text).order_by(guid.desc()).limit(limit))).scalars().all()
    above = (await connection.execute(select(guid).where(guid > text).order_by(guid).limit(limit))).scalars().all()
    return [*reversed(below), *above][:limit]


async def alerts(connection: AsyncConnection, guid: str) -> list[Row]:
    """The alerts linked to an incident, in order of linking; of an alert that nobody sent only the guid is known."""
    await _must_exist(connection, guid)
    columns = (
        incident_alert.c.IncidentGuid,
        incident_alert.c.AlertGuid,
        incident_alert.c.LinkedAt,
        *(alert.c[name] for name in _ALERT),
    )
    linked = select(*columns).outerjoin(alert, alert.c.AlertGuid == incident_alert.c.AlertGuid)
    order = incident_alert.c.LinkedAt, incident_alert.c.AlertGuid
    return await _rows(connection, linked.where(incident_alert.c.IncidentGuid == guid).order_by(*order))


async def notes(connection: AsyncConnection, guid: str) -> list[Row]:
    """The notes of an incident, in the order in which they were written."""
    return await _of_incident(connection, note, guid, note.c.CreatedAt, note.c.NoteId)


async def timeline_rows(connection: AsyncConnection, guid: str) -> list[Row]:
    """Everything that happened to an incident, in order; what came from a merged one stands where it happened."""
    return await _of_incident(connection, timeline, guid, timeline.c.Timestamp, timeline.c.TimelineId)


async def communications(connection: AsyncConnection, *, incident_guid: str, channel: str | None, limit: int) -> list[Row]:
    """The communications of an incident, the newest first."""
    await _must_exist(connection, incident_guid)
    wanted = all_communications.where(communication.c.IncidentGuid == incident_guid)
    if channel is not None:
        wanted = wanted.where(communication.c.Channel == channel)
    return await _rows(
        connection, wanted.order_by(communication.c.Timestamp.desc(), communication.c.CommunicationGuid.desc()).limit(limit)
    )


async def communication_row(connection: AsyncConnection, short_ref: str) -> Row | None:
    """The communication with a reference, with its incident's title and severity, and every attempt to deliver it."""
    columns = incident.c.Title.label("IncidentTitle"), incident.c.Severity.label("IncidentSeverity")
    by_reference = (
        all_communications.add_columns(*columns)
        .outerjoin(incident, incident.c.IncidentGuid == communication.c.IncidentGuid)
        .where(communication.c.ShortRef == short_ref)
    )
    found = (await connection.execute(by_reference)).mappings().first()
    if found is None:
        return None
    tries = select(attempt).where(attempt.c.CommunicationGuid == found["CommunicationGuid"]).order_by(attempt.c.AttemptId)
    return {**found, "AttemptLog": await _rows(connection, tries)}


async def incident_of_references(connection: AsyncConnection, short_refs: Sequence[str]) -> str | None:
    """The incident of the first of these references that is known."""
    known = select(communication.c.ShortRef, communication.c.IncidentGuid).where(
        communication.c.ShortRef.in_(short_refs), communication.c.IncidentGuid.is_not(None)
    )
    found = {row.ShortRef: row.IncidentGuid for row in await connection.execute(known)} if short_refs else {}
    return next((found[each] for each in short_refs if each in found), None)


async def _of_incident(connection: AsyncConnection, table: Table, guid: str, *order: ColumnElement[Any]) -> list[Row]:
    await _must_exist(connection, guid)
    return await _rows(connection, select(table).where(table.c.IncidentGuid == guid).order_by(*order))


async def _must_exist(connection: AsyncConnection, guid: str) -> None:
    found = select(func.count()).select_from(incident).where(incident.c.IncidentGuid == guid)
    if not (await connection.execute(found)).scalar():
        raise NotFound(f"there is no incident {guid}")


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> list[Row]:
    found: Iterable[Any] = (await connection.execute(statement)).mappings()
    return [dict(row) for row in found]
