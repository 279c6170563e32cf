"""Statements for what people do to incidents: notes, links, merges, references. Part of a transaction, like the tables' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_, delete, exists, insert, literal, select, type_coerce, update

from axion_bus.domain.incident import IncidentStatus
from axion_bus.domain.routing import NO_RECIPIENTS, NotifyCode, channel_names, recipients_by_channel
from axion_bus.store import incidents
from axion_bus.store.prepared import Prepared
from axion_bus.store.rows import insert_rows, is_given, select_rows, stored_time
from axion_bus.store.schema import alert, communication, incident, incident_alert, note, notify, timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.incident import Incident
    from axion_bus.domain.note import Note
    from axion_bus.store.together import Writer

_NOTE = ("IncidentGuid", "NoteType", "Content", "CreatedBy", "CreatedAt")
_notify_codes = select(
    notify.c.NotifyCode,
    notify.c.NotifyChannels,
    notify.c.Title,
    notify.c.Template,
    type_coerce(notify.c.Recipients, String).label("Recipients"),  # as it is: SQLite takes what is no JSON, too
)
_source, _target = incident.alias("source"), incident.alias("target")
LEAD = "lead"
"""The kind of the rows of ``leads_of``."""
leads_of = (
    select_rows((_source.c.ClosedAt, _source.c.CorrelationKey, _target.c.IncidentGuid), LEAD)
    .join_from(
        _source, _target, and_(_target.c.IncidentGuid == _source.c.MergedInto, _target.c.Status != IncidentStatus.CLOSED.value)
    )
    .where(is_given(_source.c.CorrelationKey, "merged"), _source.c.MergedInto.is_not(None))
)
"""When what of the keys ``merged`` was merged into which open incident."""
_leads = Prepared(leads_of)


async def add_notes(connection: Writer, notes: Sequence[Note]) -> None:
    """Append notes, in order."""
    rows = [(each.incident_guid, each.type.value, each.content, each.by, stored_time(each.at)) for each in notes]
    await insert_rows(connection, note, _NOTE, rows)


async def linked_alerts(connection: AsyncConnection, incident_guid: str) -> frozenset[str]:
    """The guids of the alerts that are linked to an incident."""
    found = await connection.execute(select(incident_alert.c.AlertGuid).where(incident_alert.c.IncidentGuid == incident_guid))
    return frozenset(found.scalars())


async def free_references(connection: AsyncConnection, references: Collection[str]) -> frozenset[str]:
    """Those of ``references`` that no row has."""
    found = await connection.execute(select(communication.c.ShortRef).where(communication.c.ShortRef.in_(sorted(references))))
    return frozenset(references) - frozenset(found.scalars())


async def notify_codes(connection: AsyncConnection, codes: Collection[str]) -> dict[str, NotifyCode]:
    """Those of ``codes`` that ``def_notify`` has."""
    found = await connection.execute(_notify_codes.where(notify.c.NotifyCode.in_(sorted(codes))))
    return {row.NotifyCode: _notify_code(row) for row in found}


def _notify_code(row: Any) -> NotifyCode:
    """What a person wrote into ``def_notify``, faults and all."""
    recipients, fault = NO_RECIPIENTS, None
    try:
        recipients = recipients_by_channel(row.Recipients) if row.Recipients is not None else NO_RECIPIENTS
    except ValueError as exc:
        fault = str(exc)
    channels = channel_names(row.NotifyChannels)
    return NotifyCode(
        code=row.NotifyCode, channels=channels, title=row.Title, template=row.Template, recipients=recipients, fault=fault
    )


async def merge_targets(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Incident]:
    """The open incidents that those of ``keys`` were merged into, locked; of several the one merged last."""
    found_leads = await _leads.rows(connection, merged=sorted(keys))
    into = {key: guid for _, _, key, guid in sorted(found_leads)}
    if not into:
        return {}
    found = {each.guid: each for each in await incidents.by_guid(connection, set(into.values()))}
    return {key: found[guid] for key, guid in into.items() if guid in found and found[guid].is_open}


async def move_belongings(connection: AsyncConnection, source: str, target: str) -> None:
    """Give everything of incident ``source`` to ``target``; both are locked. What told the bus of the source stays its own."""
    moved = {"IncidentGuid": target}
    await connection.execute(update(alert).where(alert.c.IncidentGuid == source).values(moved))
    await _move_links(connection, source, target)
    for table in (note, timeline):
        await connection.execute(update(table).where(table.c.IncidentGuid == source).values(moved))
    told = communication.c.IncidentGuid == source, communication.c.Sequence.is_(None)
    await connection.execute(update(communication).where(*told).values(moved))
    await connection.execute(update(incident).where(incident.c.MergedInto == source).values(MergedInto=target))


async def _move_links(connection: AsyncConnection, source: str, target: str) -> None:
    """An alert that is linked to both keeps the target's link."""
    links, theirs = incident_alert, incident_alert.alias("theirs")
    there = exists().where(theirs.c.IncidentGuid == target, theirs.c.AlertGuid == links.c.AlertGuid)
    new = select(literal(target), links.c.AlertGuid, links.c.LinkedAt).where(links.c.IncidentGuid == source, ~there)
    await connection.execute(insert(links).from_select(["IncidentGuid", "AlertGuid", "LinkedAt"], new))
    await connection.execute(delete(links).where(links.c.IncidentGuid == source))
