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
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.domain.communication import Communication
    from axion_bus.manager import arguments as a
    from axion_bus.manager.session import Session
    from axion_bus.manager.verbs import Work

MAX_COMMUNICATIONS = 10_000


async def written(session: Session, given: a.Report) -> str:
    """The report. Raises NotFound."""
    now = session.clock.now()
    return render(await session.read(lambda connection: _material(connection, given.incident_guid, now)), given.format)


async def asked(work: Work, given: a.Report) -> str:
    """The report, from inside a transaction. Raises NotFound."""
    return render(await _inside(work, given.incident_guid), given.format)


async def mailed(work: Work, given: a.EmailReport) -> list[Communication]:
    """A PENDING row for each who is to have the report. Raises NotFound, ConfigError."""
    material = await _inside(work, given.incident_guid)
    email = work.outbox.notifications.reach.get(Channel.EMAIL)
    if email is None:
        raise ConfigError("a report cannot be mailed: there is no [channels.email] in the configuration; add host, from and to")
    incident = material.incident
    message = Message(
        subject=f"Report: [{incident['Severity']}] {incident['Title']} ({incident['Status']})",
        text=render(material, "markdown" if given.format == "markdown" else "text"),
        html=render(material, "html") if given.format == "html" else None,
    )
    recipients = tuple(dict.fromkeys((*email.recipients, *given.additional_recipients)))
    return await notify.mail(work, given.incident_guid, recipients, message, given.sent_by)


async def _inside(work: Work, guid: str) -> Material:
    return await work.transaction.ask(lambda connection: _material(connection, guid, work.now))


async def _material(connection: AsyncConnection, guid: str, now: datetime) -> Material:
    return Material(
        incident=await queries.incident_row(connection, guid),
        alerts=await queries.alerts(connection, guid),
        notes=await queries.notes(connection, guid),
        timeline=await queries.timeline_rows(connection, guid),
        communications=await reporting.with_people(connection, guid, MAX_COMMUNICATIONS),
        bus_messages=await reporting.bus_messages(connection, guid),
        statuses=await reporting.statuses(connection, guid),
        written_at=now,
    )
