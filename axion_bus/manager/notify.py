"""Telling people because somebody asks for it, by a notify code or by mailing a report. Rows are PENDING; sending comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.domain import template
from axion_bus.domain.changes import Step, tell
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus
from axion_bus.domain.events import EventKind
from axion_bus.pipeline.notifications import Draft
from axion_bus.ports import Changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.domain.incident import Incident
    from axion_bus.manager import arguments as a
    from axion_bus.manager.session import Session
    from axion_bus.manager.verbs import Work
    from axion_bus.pipeline.wording import Message


async def notify(work: Work, given: a.NotifyIncident) -> list[Communication]:
    """A row for each recipient of each channel of the code; what cannot be sent is FAILED at once. Raises NotFound."""
    incident = await work.incident(given.incident_guid)
    return await _queue(work, incident, await _rows(work, incident, given), given.sent_by)


async def previewed(session: Session, given: a.NotifyIncident) -> list[dict[str, Any]]:
    """What ``notify`` would send: the same rows, written nowhere. Raises NotFound."""

    async def look(work: Work) -> list[Communication]:
        return await _rows(work, await work.incident(given.incident_guid), given)

    rows = await session.look(look)
    return [
        {
            "Channel": row.channel,
            "Recipient": row.recipient,
            "Title": row.metadata["title"],
            "Message": row.message,
            "ErrorMessage": row.error_message,
        }
        for row in rows
    ]


async def _rows(work: Work, incident: Incident, given: a.NotifyIncident) -> list[Communication]:
    notifications, code = work.outbox.notifications, given.notify_code
    defined = await notifications.defined(work.transaction, {code})
    text = None if given.message_template is None else template.parse(given.message_template)
    drafts = notifications.drafts(incident, code, defined.get(code), occasion="notification", text=text)
    return await notifications.rows(work.transaction, drafts, work.now)


async def mail(work: Work, incident_guid: str, recipients: Sequence[str], message: Message, sent_by: str) -> list[Communication]:
    """A PENDING row on EMAIL for each of ``recipients``. Raises NotFound."""
    incident = await work.incident(incident_guid)
    drafts = [
        Draft(incident=incident, message=message, channel=Channel.EMAIL, recipient=recipient, occasion="report")
        for recipient in recipients
    ]
    rows = await work.outbox.notifications.rows(work.transaction, drafts, work.now)
    return await _queue(work, incident, rows, sent_by)


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
