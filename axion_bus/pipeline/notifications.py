"""Telling people by themselves: the rows for whom ``[notify]`` names when something happens to an incident.

Made in the transaction that makes it happen, which they never stop; the courier sends them. A channel that is not configured, or a
code that nobody defined, is a FAILED row that says so: who was not told is on record. Used beside the outbox, and by the manager's
``notify``. What a message says is ``wording``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.domain.routing import BUILT_IN_CODES, NotifyCode, Occasion, occasion_of
from axion_bus.formats.events import incident_view
from axion_bus.pipeline.references import References
from axion_bus.pipeline.wording import Message, Reach, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import Severity
    from axion_bus.domain.events import Event
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.template import Template
    from axion_bus.ports import Transaction

NO_CHANNEL = "NONE"
"""The channel of the row for a notify code that leads to none."""
_CHANNEL_CHARACTERS = 50
_TO_PROGRAMS = (Channel.MQTT, Channel.DBUS)
_NO_BUS = "channel DBUS is not configured: [dbus] bus is off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to one recipient, not yet a row: PENDING, or FAILED for the reason ``why_not``."""

    incident: Incident
    message: Message
    channel: str
    recipient: str
    occasion: str
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """``codes``: by occasion and severity, the notify code; ``reach``: the configured channels by name."""

    new_guid: Callable[[datetime], str]
    reach: Mapping[str, Reach] = field(default_factory=dict)
    codes: Mapping[str, Mapping[Severity, str]] = field(default_factory=dict)
    references: References = field(default_factory=References)

    async def of_events(self, transaction: Transaction, events: Iterable[Event], now: datetime) -> list[Communication]:
        """The rows that ``events`` call for; none, and no query, where nobody is to be told."""
        told = [called for event in events if (called := self._called_for(event)) is not None]
        return await self._of_told(transaction, told, now)

    async def of_occasion(
        self, transaction: Transaction, incident: Incident, occasion: Occasion, now: datetime
    ) -> list[Communication]:
        """The rows that ``occasion`` calls for, where no event tells of it: a reminder."""
        code = self.codes.get(occasion, {}).get(incident.severity)
        return [] if code is None else await self._of_told(transaction, [(incident, occasion, code)], now)

    def _called_for(self, event: Event) -> tuple[Incident, Occasion, str] | None:
        occasion = occasion_of(event)
        if occasion is None or event.incident is None:
            return None
        code = self.codes.get(occasion, {}).get(event.incident.severity)
        return None if code is None else (event.incident, occasion, code)

    async def _of_told(
        self, transaction: Transaction, told: Sequence[tuple[Incident, Occasion, str]], now: datetime
    ) -> list[Communication]:
        if not told:
            return []
        defined = await self.defined(transaction, {code for _, _, code in told})
        drafts = [
            draft
            for incident, occasion, code in told
            for draft in self._drafts_at_any_rate(incident, code, defined.get(code), occasion)
        ]
        return await self.rows(transaction, drafts, now)

    def _drafts_at_any_rate(self, incident: Incident, code: str, defined: NotifyCode | None, occasion: str) -> list[Draft]:
        """Whatever is wrong with a code, what happened to the incident is recorded, and that nobody was told of it, too."""
        try:
            return self.drafts(incident, code, defined, occasion=occasion)
        except Exception as exc:  # noqa: BLE001 - one message that cannot be written is settled as failed
            why = f"notify code {code} cannot be used: {type(exc).__name__}: {exc}"
            return [_nobody(incident, code, occasion, why)]

    async def defined(self, transaction: Transaction, codes: Iterable[str]) -> Mapping[str, NotifyCode]:
        """What ``codes`` stand for, those that anybody defined."""
        wanted = set(codes)
        known = {code: BUILT_IN_CODES[code] for code in wanted & BUILT_IN_CODES.keys()}
        return {**known, **await transaction.notify_codes(wanted)}

    def drafts(
        self, incident: Incident, code: str, defined: NotifyCode | None, *, occasion: str, text: Template | None = None
    ) -> list[Draft]:
        """A message for each recipient of each channel of ``defined``, by ``text`` if it is given."""
        if defined is None:
            why = f"def_notify has no code {code}; add it there, or choose another"
            return [_nobody(incident, code, occasion, why, text)]
        if not defined.channels:
            return [_nobody(incident, code, occasion, f"code {code} of def_notify names no channel", text)]
        drafts = []
        for name in defined.channels:
            reach = self.reach.get(name)
            message = worded(incident, defined, reach, text)
            if reach is None:
                why = _NO_BUS if name == Channel.DBUS else f"channel {name} is not configured: [channels.{name.lower()}] is missing"
                drafts.append(Draft(incident=incident, message=message, channel=name, recipient="", occasion=occasion, why_not=why))
                continue
            drafts += [
                Draft(incident=incident, message=message, channel=name, recipient=recipient, occasion=occasion)
                for recipient in defined.recipients.get(name) or reach.recipients
            ]
        return drafts

    async def rows(self, transaction: Transaction, drafts: Sequence[Draft], now: datetime) -> list[Communication]:
        """The rows of ``drafts``, each with a reference of its own."""
        references = await self.references.take(transaction, now, len(drafts))
        return [self._row(draft, reference, now) for draft, reference in zip(drafts, references, strict=True)]

    def _row(self, draft: Draft, reference: str, now: datetime) -> Communication:
        message = draft.message
        metadata: dict[str, Any] = {
            "reason": "notification",
            "occasion": draft.occasion,
            "reference": reference,
            "title": message.subject,
            "subject": f"{message.subject} {reference}",
            "queued_at": now.isoformat(),
            "incident": incident_view(draft.incident),
        }
        metadata.update({name: value for name, value in (("html", message.html), ("remark", message.remark)) if value})
        is_pending = draft.why_not is None
        return Communication(
            guid=self.new_guid(now),
            short_ref=reference,
            incident_guid=draft.incident.guid,
            channel=draft.channel[:_CHANNEL_CHARACTERS],
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING if is_pending else CommunicationStatus.FAILED,
            message=_as_json(metadata, message) if draft.channel in _TO_PROGRAMS else message.text,
            recipient=draft.recipient,
            timestamp=now,
            metadata=metadata,
            error_message=draft.why_not,
            next_attempt_at=now if is_pending else None,
        )


def _nobody(incident: Incident, code: str, occasion: str, why: str, text: Template | None = None) -> Draft:
    """What tells that nobody was told."""
    message = worded(incident, None, None, text)
    return Draft(incident=incident, message=message, channel=NO_CHANNEL, recipient=code, occasion=occasion, why_not=why)


def _as_json(metadata: Mapping[str, Any], message: Message) -> str:
    """The message for programs."""
    names = ("occasion", "reference", "title", "incident")
    return to_json({**{name: metadata[name] for name in names}, "text": message.text}).decode()
