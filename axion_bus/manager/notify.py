"""Telling people: the rows that a notification makes, or an e-mailed report. They are written PENDING; sending comes after.

A channel that is not configured, or a code that nobody defined, is a FAILED row that says so: who was not told is on record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.domain import routing, template
from axion_bus.domain.changes import Step, tell
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.domain.events import EventKind
from axion_bus.ports import Changes
from axion_bus.store import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.domain.incident import Incident
    from axion_bus.manager import arguments as a
    from axion_bus.manager.verbs import Work

NO_CHANNEL = "NONE"
"""The channel of the row for a notify code that nobody defined."""

DEFAULT_TEMPLATE = """\
{incident_severity}: {incident_title}

Status: {incident_status}
Package: {incident_package}
Created: {incident_created_at}

{incident_description}

Incident {incident_guid}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one recipient is to be told. ``html`` as in ``ports.Letter``."""

    subject: str
    text: str
    html: str | None = None


async def notify(work: Work, given: a.NotifyIncident) -> list[Communication]:
    """A row for each recipient of each channel of the code; what cannot be sent is FAILED at once. Raises NotFound."""
    incident = await work.incident(given.incident_guid)
    defined = await work.transaction.ask(lambda connection: queries.notify_channels(connection, given.notify_code))
    names = routing.channels_of(given.notify_code, defined)
    parsed = template.parse(given.message_template or DEFAULT_TEMPLATE)
    message = Message(subject=subject_of(incident), text=parsed.render(incident).strip("\n") + "\n")
    if names is None:
        why = f"def_notify has no code {given.notify_code}; add it there, or choose another"
        row = await _row(work, incident, message, channel=NO_CHANNEL, recipient=given.notify_code, why_not=why)
        return await _queue(work, incident, [row], given.sent_by)
    rows: list[Communication] = []
    for name in names:
        channel = work.channels.get(name)
        if channel is None:
            why = f"channel {name} is not configured: [channels.{name.lower()}] is missing"
            rows.append(await _row(work, incident, message, channel=name, recipient="", why_not=why))
            continue
        rows += [await _row(work, incident, message, channel=name, recipient=recipient) for recipient in channel.recipients]
    return await _queue(work, incident, rows, given.sent_by)


async def mail(work: Work, incident_guid: str, recipients: Sequence[str], message: Message, sent_by: str) -> list[Communication]:
    """A PENDING row on EMAIL for each of ``recipients``. Raises NotFound."""
    incident = await work.incident(incident_guid)
    rows = [await _row(work, incident, message, channel=Channel.EMAIL, recipient=recipient) for recipient in recipients]
    return await _queue(work, incident, rows, sent_by)


def subject_of(incident: Incident) -> str:
    """The line by which people recognise an incident."""
    return f"[{incident.severity.name}] {incident.title} ({incident.status})"


async def _row(
    work: Work, incident: Incident, message: Message, *, channel: str, recipient: str, why_not: str | None = None
) -> Communication:
    reference = await work.new_reference()
    metadata: dict[str, Any] = {
        "reason": "notification",
        "reference": reference,
        "subject": f"{message.subject} {reference}",
        "queued_at": work.now.isoformat(),
    }
    if message.html is not None:
        metadata["html"] = message.html
    return Communication(
        guid=work.outbox.new_guid(work.now),
        short_ref=reference,
        incident_guid=incident.guid,
        channel=channel,
        direction=Direction.OUTBOUND,
        status=CommunicationStatus.PENDING if why_not is None else CommunicationStatus.FAILED,
        message=message.text,
        recipient=recipient,
        timestamp=work.now,
        metadata=metadata,
        error_message=why_not,
        next_attempt_at=work.now if why_not is None else None,
    )


async def _queue(work: Work, incident: Incident, rows: list[Communication], by: str) -> list[Communication]:
    """Write ``rows``; those that failed at once are told like any that fail later."""
    steps = [
        Step(
            EventKind.COMMUNICATION_FAILED, f"{row.channel} message {row.short_ref} failed: {row.error_message}", new=row.short_ref
        )
        for row in rows
        if row.status is CommunicationStatus.FAILED
    ]
    changes = Changes(communications=list(rows))
    if steps:
        told = tell(incident, steps, reason="not_configured", now=work.now, by=by)
        await work.save(told, changes=changes)
    else:
        await work.transaction.save(changes)
    return rows
