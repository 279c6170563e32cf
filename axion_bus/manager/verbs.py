"""The verbs, each inside a transaction: read what it is about (locked), let ``domain.desk`` decide, write what that says.

Nothing here checks arguments, opens a transaction or sends anything. A verb raises before it writes, so a refused one changes
nothing. Called by the manager and by the bus commands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axion_bus.domain import desk
from axion_bus.domain.communication import Communication
from axion_bus.domain.incident import Incident, IncidentStatus, TimelineEntry, TimelineEvent
from axion_bus.domain.note import Note, NoteType
from axion_bus.errors import Conflict, NotFound
from axion_bus.pipeline.references import free_reference
from axion_bus.ports import Changes, Link

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.changes import Told
    from axion_bus.manager import arguments as a
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a verb works with: the transaction, the outbox that makes rows of what is to be told, and the time."""

    transaction: Transaction
    outbox: Outbox
    now: datetime

    async def incident(self, guid: str, expected_version: int | None = None) -> Incident:
        """The incident ``guid``, locked.

        Raises:
            NotFound: there is none.
            Conflict: it is not at ``expected_version`` any more.

        """
        found = await self.transaction.incidents_by_guid([guid])
        if not found:
            raise NotFound(f"there is no incident {guid}")
        incident = found[0]
        if expected_version is not None and incident.version != expected_version:
            raise Conflict(
                f"incident {guid} is at version {incident.version}, not {expected_version}: it is {incident.status} now;"
                " look at it again, then decide"
            )
        return incident

    async def save(self, *told: Told, changes: Changes | None = None) -> None:
        """Write what ``told`` says of incidents that were there before, beside ``changes``."""
        changes = changes or Changes()
        changes.changed_incidents.extend(each.incident for each in told)
        for each in told:
            changes.timeline.extend(each.timeline)
            changes.communications.extend(await self.outbox.all_rows(self.transaction, each.events, self.now))
        await self.transaction.save(changes)


async def create_incident(work: Work, given: a.CreateIncident) -> Incident:
    """A new incident, with the alerts that it is about. An alert whose incident is open already counts for that one on."""
    incident = Incident(
        guid=work.outbox.new_guid(work.now),
        title=given.title,
        severity=given.severity,
        status=IncidentStatus.CREATED,
        package=given.package,
        description=given.description,
        assigned_to=given.assigned_to,
        created_at=work.now,
        updated_at=work.now,
    )
    guids = tuple(dict.fromkeys(given.alert_links))
    alerts = {alert.guid: alert for alert in await work.transaction.alerts_by_guid(guids)}
    told = desk.opened(incident, by=given.created_by, now=work.now)
    links = [Link(incident.guid, guid, work.now) for guid in guids]
    timeline = [*told.timeline, *(_linked_entry(incident, guid, given.created_by, work.now) for guid in guids)]
    adopted = await _adopted(work, incident.guid, alerts.values())
    await work.transaction.save(
        Changes(
            new_incidents=[told.incident],
            changed_alerts=adopted,
            links=links,
            timeline=timeline,
            communications=await work.outbox.all_rows(work.transaction, told.events, work.now),
        )
    )
    return told.incident


async def update_status(work: Work, given: a.UpdateStatus) -> Incident:
    """Move along the life cycle."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    told = desk.moved(incident, given.new_status, by=given.updated_by, now=work.now)
    await work.save(told)
    return told.incident


async def acknowledge(work: Work, given: a.Acknowledge) -> Incident:
    """Take it on."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    told = desk.acknowledged(incident, by=given.acknowledged_by, now=work.now)
    await work.save(told)
    return told.incident


async def assign(work: Work, given: a.Assign) -> Incident:
    """Put it into somebody's hands. To whom it belongs already: nothing changes."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    if incident.assigned_to == given.assigned_to:
        return incident
    told = desk.assigned(incident, given.assigned_to, by=given.assigned_by, now=work.now)
    await work.save(told)
    return told.incident


async def add_note(work: Work, given: a.AddNote) -> Incident:
    """Write something down."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    note = Note(incident_guid=incident.guid, type=given.note_type, content=given.content, by=given.created_by, at=work.now)
    told = desk.noted(incident, (note,), by=given.created_by, now=work.now)
    await work.save(told, changes=Changes(notes=[note]))
    return told.incident


async def close_incident(work: Work, given: a.CloseIncident) -> Incident:
    """End it, with what was found out."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    written = ((NoteType.ROOT_CAUSE, given.root_cause), (NoteType.RESOLUTION, given.resolution_summary))
    notes = tuple(
        Note(incident_guid=incident.guid, type=kind, content=content, by=given.closed_by, at=work.now)
        for kind, content in written
        if content is not None
    )
    told = desk.closed(incident, given.close_reason, by=given.closed_by, now=work.now, notes=notes)
    await work.save(told, changes=Changes(notes=list(notes)))
    return told.incident


async def reopen_incident(work: Work, given: a.ReopenIncident) -> Incident:
    """Begin again. StoreConflict: another incident is open under its correlation key by now."""
    incident = await work.incident(given.incident_guid, given.expected_version)
    told = desk.reopened(incident, by=given.reopened_by, now=work.now)
    if incident.correlation_key is not None:
        rivals = [each for each in await work.transaction.incidents_by_key([incident.correlation_key], None) if each.is_open]
        if rivals:
            raise Conflict(
                f"incident {incident.guid} cannot be reopened: {rivals[0].guid} is open for the same cause;"
                f" merge into it, or close it first"
            )
    await work.save(told)
    return told.incident


async def link_alert(work: Work, given: a.LinkAlert) -> Incident:
    """Link an alert, known or not; one that is linked already changes nothing."""
    alerts = await work.transaction.alerts_by_guid([given.alert_guid])
    incident = await work.incident(given.incident_guid, given.expected_version)
    if given.alert_guid in await work.transaction.linked_alerts(incident.guid):
        return incident
    told = desk.linked(incident, given.alert_guid, alerts[0] if alerts else None, by=given.linked_by, now=work.now)
    adopted = await _adopted(work, incident.guid, alerts)
    links = [Link(incident.guid, given.alert_guid, work.now)]
    await work.save(told, changes=Changes(links=links, changed_alerts=adopted))
    return told.incident


async def merge_incidents(work: Work, given: a.MergeIncidents) -> Incident:
    """Everything of the source goes to the target, which is returned; the source is closed and its key leads to the target."""
    guids = [given.source_incident_guid, given.target_incident_guid]
    found = {incident.guid: incident for incident in await work.transaction.incidents_by_guid(set(guids))}
    missing = [guid for guid in guids if guid not in found]
    if missing:
        raise NotFound(f"there is no incident {missing[0]}")
    source = await work.incident(given.source_incident_guid, given.expected_version)
    target = found[given.target_incident_guid]
    fires = bool(await work.transaction.firing([source.guid]))
    gone, grown = desk.merged(source, target, by=given.merged_by, now=work.now, fires=fires)
    await work.transaction.move_belongings(source.guid, target.guid)
    await work.save(gone, grown)
    return grown.incident


async def log_communication(work: Work, given: a.LogCommunication) -> Communication:
    """Record what was said by other means."""
    incident = await work.incident(given.incident_guid)
    row = Communication(
        guid=work.outbox.new_guid(work.now),
        short_ref=await free_reference(work.transaction, work.now),
        incident_guid=incident.guid,
        channel=given.channel,
        direction=given.direction,
        status=given.status,
        message=given.message,
        recipient=given.recipient or "",
        timestamp=work.now,
        metadata={"logged_by": given.logged_by, **(given.metadata or {})},
        external_id=given.external_id,
    )
    entry = TimelineEntry(
        incident_guid=incident.guid,
        event=TimelineEvent.COMMUNICATION_LOGGED,
        description=f"{row.channel} {row.direction.lower()} logged as {row.short_ref}",
        by=given.logged_by,
        at=work.now,
    )
    await work.transaction.save(Changes(communications=[row], timeline=[entry]))
    return row


async def _adopted(work: Work, incident_guid: str, alerts: Iterable[AlertRecord]) -> list[AlertRecord]:
    """Those of ``alerts`` that no open incident has: they count for ``incident_guid`` from now on."""
    alerts = list(alerts)
    theirs = {alert.incident_guid for alert in alerts if alert.incident_guid is not None}
    open_ones = {each.guid for each in await work.transaction.incidents_by_guid(theirs) if each.is_open}
    return [replace(alert, incident_guid=incident_guid) for alert in alerts if alert.incident_guid not in open_ones]


def _linked_entry(incident: Incident, alert_guid: str, by: str, now: datetime) -> TimelineEntry:
    return TimelineEntry(
        incident_guid=incident.guid,
        event=TimelineEvent.ALERT_LINKED,
        description=f"Alert {alert_guid} linked by {by}",
        by=by,
        at=now,
    )
