"""Reports of an incident, and mailing them: what a report tells is read in one transaction, so that its parts agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.communication import Channel
from axion_bus.errors import ConfigError
from axion_bus.manager import notify
from axion_bus.pipeline.wording import Message
from axion_bus.reports import Material, render
from axion_bus.store import queries, reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.communication import Communication
    from axion_bus.manager import arguments as a
    from axion_bus.manager.session import Session
    from axion_bus.manager.verbs import Work

MAX_COMMUNICATIONS = 10_000


async def written(session: Session, incident_guid: str, format_: str) -> str:
    """The report. Raises NotFound."""
    return render(await _material(session, incident_guid), format_)


async def mailed(session: Session, given: a.EmailReport) -> dict[str, int]:
    """Mail the report; counts of what became of the mails. Raises NotFound, ConfigError."""
    email = session.post.channels.get(Channel.EMAIL)
    if email is None:
        raise ConfigError("a report cannot be mailed: there is no [channels.email] in the configuration; add host, from and to")
    material = await _material(session, given.incident_guid)
    incident = material.incident
    message = Message(
        subject=f"Report: [{incident['Severity']}] {incident['Title']} ({incident['Status']})",
        text=render(material, "markdown" if given.format == "markdown" else "text"),
        html=render(material, "html") if given.format == "html" else None,
    )
    recipients = tuple(dict.fromkeys((*email.recipients, *given.additional_recipients)))

    async def queue(work: Work) -> Sequence[Communication]:
        return await notify.mail(work, given.incident_guid, recipients, message, given.sent_by)

    return await session.post.send(queue)


async def _material(session: Session, guid: str) -> Material:
    async def read(connection: AsyncConnection) -> Material:
        return Material(
            incident=await queries.incident_row(connection, guid),
            alerts=await queries.alerts(connection, guid),
            notes=await queries.notes(connection, guid),
            timeline=await queries.timeline_rows(connection, guid),
            communications=await reporting.with_people(connection, guid, MAX_COMMUNICATIONS),
            bus_messages=await reporting.bus_messages(connection, guid),
            statuses=await reporting.statuses(connection, guid),
            written_at=session.clock.now(),
        )

    return await session.read(read)
