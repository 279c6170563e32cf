"""Telling people by themselves: the rows for whom ``[notify]`` names when something happens to an incident.

Made in the transaction that makes it happen; the courier sends them. A channel that is not configured, or a code that nobody
defined, is a FAILED row that says so: who was not told is on record. Used beside the outbox, and by the manager's ``notify``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from axion_bus.domain import reference, template
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.domain.routing import BUILT_IN_CODES, NotifyCode, Occasion, occasion_of
from axion_bus.errors import StoreUnavailable
from axion_bus.formats.events import incident_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import Severity
    from axion_bus.domain.events import Event
    from axion_bus.domain.incident import Incident
    from axion_bus.ports import Transaction

NO_CHANNEL = "NONE"
"""The channel of the row for a notify code that nobody defined."""

TITLE = "[{incident_severity}] {incident_title} ({incident_status})"
TEMPLATE = """\
{incident_severity}: {incident_title}

Status: {incident_status}
Package: {incident_package}
Created: {incident_created_at}

{incident_description}

Incident {incident_guid}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """A channel as far as writing to it goes: who is reached where nobody else is named, and its own templates."""

    recipients: Sequence[str]
    title: template.Template | None = None
    template: template.Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is to be told. ``html`` as in ``ports.Letter``; ``remark`` says what went wrong with a template."""

    subject: str
    text: str
    html: str | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """``codes``: by occasion and severity, the notify code; ``reach``: the configured channels by name."""

    new_guid: Callable[[datetime], str]
    reach: Mapping[str, Reach] = field(default_factory=dict)
    codes: Mapping[str, Mapping[Severity, str]] = field(default_factory=dict)

    async def of_events(self, transaction: Transaction, events: Iterable[Event], now: datetime) -> list[Communication]:
        """The rows that ``events`` call for; none, and no query, where nobody is to be told."""
        told = [(event.incident, occasion, code) for event in events for occasion, code in self._called_for(event)]
        if not told:
            return []
        defined = await self.defined(transaction, {code for _, _, code in told})
        rows = []
        for incident, occasion, code in told:
            if incident is not None:
                rows += await self.of_code(transaction, incident, code, defined.get(code), occasion=occasion, now=now)
        return rows

    async def of_occasion(
        self, transaction: Transaction, incident: Incident, occasion: Occasion, now: datetime
    ) -> list[Communication]:
        """The rows that ``occasion`` calls for, where no event tells of it: a reminder."""
        code = self.codes.get(occasion, {}).get(incident.severity)
        if code is None:
            return []
        defined = await self.defined(transaction, {code})
        return await self.of_code(transaction, incident, code, defined.get(code), occasion=occasion, now=now)

    def _called_for(self, event: Event) -> Iterable[tuple[Occasion, str]]:
        occasion = occasion_of(event)
        if occasion is None or event.incident is None:
            return ()
        code = self.codes.get(occasion, {}).get(event.incident.severity)
        return ((occasion, code),) if code is not None else ()

    async def defined(self, transaction: Transaction, codes: Iterable[str]) -> Mapping[str, NotifyCode]:
        """What ``codes`` stand for, those that anybody defined."""
        wanted = set(codes)
        known = {code: BUILT_IN_CODES[code] for code in wanted & BUILT_IN_CODES.keys()}
        return {**known, **await transaction.notify_codes(wanted)}

    async def of_code(
        self,
        transaction: Transaction,
        incident: Incident,
        code: str,
        defined: NotifyCode | None,
        *,
        occasion: str,
        now: datetime,
        text: template.Template | None = None,
    ) -> list[Communication]:
        """A row for each recipient of each channel of ``defined``, by ``text`` if it is given."""
        if defined is None:
            why = f"def_notify has no code {code}; add it there, or choose another"
            message = self.message(incident, None, None, text)
            return [await self.row(transaction, incident, message, NO_CHANNEL, code, occasion=occasion, now=now, why_not=why)]
        rows = []
        for name in defined.channels:
            reach = self.reach.get(name)
            message = self.message(incident, defined, reach, text)
            if reach is None:
                why = f"channel {name} is not configured: [channels.{name.lower()}] is missing"
                rows.append(await self.row(transaction, incident, message, name, "", occasion=occasion, now=now, why_not=why))
                continue
            rows += [
                await self.row(transaction, incident, message, name, recipient, occasion=occasion, now=now)
                for recipient in defined.recipients.get(name, reach.recipients)
            ]
        return rows

    def message(
        self, incident: Incident, defined: NotifyCode | None, reach: Reach | None, text: template.Template | None
    ) -> Message:
        """The message by the nearest template: the caller's, the code's, the channel's, ours. A code's faulty one gives way."""
        remarks: list[str] = []
        title = _parsed(defined.title if defined else None, remarks) or (reach.title if reach else None) or template.parse(TITLE)
        body = text or _parsed(defined.template if defined else None, remarks) or (reach.template if reach else None)
        rendered = (body or template.parse(TEMPLATE)).render(incident).strip("\n") + "\n"
        subject = " ".join(title.render(incident).split())
        return Message(subject=subject, text=rendered, remark="; ".join(remarks) or None)

    async def row(
        self,
        transaction: Transaction,
        incident: Incident,
        message: Message,
        channel: str,
        recipient: str,
        *,
        occasion: str,
        now: datetime,
        why_not: str | None = None,
    ) -> Communication:
        """One row: PENDING, or FAILED for the reason ``why_not``."""
        short_ref = await free_reference(transaction, now)
        metadata: dict[str, Any] = {
            "reason": "notification",
            "occasion": occasion,
            "reference": short_ref,
            "title": message.subject,
            "subject": f"{message.subject} {short_ref}",
            "queued_at": now.isoformat(),
            "incident": incident_view(incident),
        }
        metadata.update({name: value for name, value in (("html", message.html), ("remark", message.remark)) if value})
        return Communication(
            guid=self.new_guid(now),
            short_ref=short_ref,
            incident_guid=incident.guid,
            channel=channel,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING if why_not is None else CommunicationStatus.FAILED,
            message=message.text if channel != Channel.MQTT else _as_json(metadata, message),
            recipient=recipient,
            timestamp=now,
            metadata=metadata,
            error_message=why_not,
            next_attempt_at=now if why_not is None else None,
        )


def _as_json(metadata: Mapping[str, Any], message: Message) -> str:
    """The message for programs."""
    names = ("occasion", "reference", "title", "incident")
    return to_json({**{name: metadata[name] for name in names}, "text": message.text}).decode()


async def free_reference(transaction: Transaction, now: datetime) -> str:
    """A reference for a message to people, not taken yet; the unique index has the last word."""
    for tries in reference.candidates(now, secrets.choice):
        free = await transaction.free_references(tries)
        if free:
            return next(each for each in tries if each in free)
    raise StoreUnavailable(f"every reference of {now:%Y-%m-%d} is taken")


def _parsed(text: str | None, remarks: list[str]) -> template.Template | None:
    if text is None:
        return None
    try:
        return template.parse(text)
    except ValueError as exc:
        remarks.append(f"the code's template is faulty, so this is the plain one: {exc}")
        return None
