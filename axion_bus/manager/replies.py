"""People's replies from gateways, on ``<base>/inbound/<channel>``: recorded, linked to what they quote, obeyed from whom we know.

``{"from", "message", "external_id"}``; (channel, external_id) is accepted once. Implements ``ports.Requests``. A stranger's command
is recorded and not answered: a code of three characters is guessable, and an answer would tell that it was right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus import errors
from axion_bus.domain import reply
from axion_bus.domain.alert import digest
from axion_bus.domain.communication import Asked, Channel, Communication, CommunicationStatus, Direction, Fault
from axion_bus.domain.incident import TimelineEntry, TimelineEvent
from axion_bus.domain.reply import Reply, ReplyVerb
from axion_bus.formats import gateway
from axion_bus.formats.message import Malformed
from axion_bus.manager import arguments as a
from axion_bus.manager import envelope, verbs
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.inbound import shown
from axion_bus.pipeline.references import free_reference
from axion_bus.ports import Answered, Changes
from axion_bus.store import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from axion_bus.formats.gateway import Said
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Received, Transaction

_CHANNEL = re.compile(rf"[A-Za-z0-9_-]{{1,{gateway.MAX_CHANNEL_CHARACTERS}}}")
_NUMBER = re.compile(r"[+0-9().\s-]+")
_SHOWN_CHARACTERS = 200
_DONE = {ReplyVerb.ACK: Asked.REPLY_ACK, ReplyVerb.CLOSE: Asked.REPLY_CLOSE, ReplyVerb.NOTE: Asked.REPLY_NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effect:
    """What became of a reply: the named reason, the incident, what to answer (None: nothing)."""

    reason: Asked | Fault
    incident_guid: str | None = None
    answer: str | None = None
    error: str | None = None


class Replies:
    """``senders`` are, by channel, those who may command by a reply; ``reachable`` the channels that answers can go out on."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        base_topic: str,
        max_payload_bytes: int,
        senders: Mapping[str, Collection[str]],
        reachable: Collection[str],
    ) -> None:
        self._outbox = outbox
        self._root = f"{base_topic}/inbound"
        self._max_payload_bytes = max_payload_bytes
        self._senders = {channel: {_plain(each) for each in known} for channel, known in senders.items()}
        self._reachable = reachable

    def wants(self, received: Received) -> bool:
        """Whether ``received`` is a person's reply."""
        return received.channel == Channel.MQTT and f"{received.address}/".startswith(f"{self._root}/")

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Answered:
        """Record the reply, do what it asks for, queue the answer; as ``ports.Requests``."""
        channel = received.address.removeprefix(f"{self._root}/")
        said = self._read(received, channel)
        if isinstance(said, Malformed):
            rows = [self._failed_row(received, guid, said, now)]
        else:
            work = Work(transaction=transaction, outbox=self._outbox, now=now)
            rows = await self._taken(work, received, guid, channel.upper(), said)
        await transaction.save(Changes(communications=rows))
        return Answered(rows)

    def apology(self, received: Received, now: datetime) -> list[Communication]:
        """Nothing: a gateway waits for no answer."""
        return []

    def _read(self, received: Received, channel: str) -> Said | Malformed:
        fault = envelope.fault_of(received, max_payload_bytes=self._max_payload_bytes)
        if fault is None and not _CHANNEL.fullmatch(channel):
            fault = Malformed(fault=Fault.BAD_TOPIC, place="", detail="the topic names no channel: <base_topic>/inbound/<channel>")
        return fault or gateway.decode(received.body)

    async def _taken(self, work: Work, received: Received, guid: str, channel: str, said: Said) -> list[Communication]:
        key = None if said.external_id is None else digest("reply", (channel, said.external_id))
        if key is not None and await work.transaction.accepted([key]):
            effect, key = _Effect(reason=Asked.REPEATED_REPLY), None
        else:
            effect = await self._effect(work, channel, said)
        row = Communication(
            guid=guid,
            short_ref=self._outbox.new_reference(work.now),
            incident_guid=effect.incident_guid,
            channel=channel,
            direction=Direction.INBOUND,
            status=CommunicationStatus.RECEIVED if effect.error is None else CommunicationStatus.FAILED,
            message=said.message,
            recipient=said.sender,
            timestamp=received.received_at,
            metadata={"reason": effect.reason.value, "topic": received.address},
            external_id=said.external_id,
            error_message=effect.error,
            ingest_key=key,
        )
        return [row] if effect.answer is None else [row, await self._answer_row(work, channel, said, effect)]

    async def _effect(self, work: Work, channel: str, said: Said) -> _Effect:
        meant = reply.parse(said.message, work.now)
        guid = await work.transaction.ask(lambda connection: queries.incident_of_references(connection, meant.references))
        if guid is not None:  # before what it leads to
            await work.transaction.save(Changes(timeline=[_entry(guid, channel, said, work.now)]))
        if meant.verb is None:
            return _Effect(reason=Asked.REPLY if guid else Asked.REPLY_WITHOUT_REFERENCE, incident_guid=guid)
        if _plain(said.sender) not in self._senders.get(channel, ()):
            error = "this sender may not command by a reply"
            return _Effect(reason=Fault.SENDER_NOT_ALLOWED, incident_guid=guid, error=error)
        if guid is None:
            answer = "Nothing is known by that reference."
            return _Effect(reason=Fault.UNKNOWN_REFERENCE, answer=answer, error="no message has that reference")
        return await _carried_out(work, guid, meant, f"{said.sender} ({channel})"[:255])

    async def _answer_row(self, work: Work, channel: str, said: Said, effect: _Effect) -> Communication:
        reference = await free_reference(work.transaction, work.now)
        is_reachable = channel in self._reachable
        return Communication(
            guid=work.outbox.new_guid(work.now),
            short_ref=reference,
            incident_guid=effect.incident_guid,
            channel=channel,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING if is_reachable else CommunicationStatus.FAILED,
            message=effect.answer or "",
            recipient=said.sender,
            timestamp=work.now,
            metadata={
                "reason": "answer",
                "occasion": "answer",
                "reference": reference,
                "subject": f"Re: {said.message[:60]}",
                "queued_at": work.now.isoformat(),
            },
            error_message=None if is_reachable else f"channel {channel} is not configured: [channels.{channel.lower()}] is missing",
            next_attempt_at=work.now if is_reachable else None,
        )

    def _failed_row(self, received: Received, guid: str, malformed: Malformed, now: datetime) -> Communication:
        """The row of what could not be read as a reply: its bytes, what is wrong with them, and where."""
        raw, more = envelope.kept(received.body)
        return Communication(
            guid=guid,
            short_ref=self._outbox.new_reference(now),
            channel=received.channel,
            direction=Direction.INBOUND,
            status=CommunicationStatus.FAILED,
            message=shown(received.body),
            recipient=received.address,
            timestamp=received.received_at,
            metadata={"reason": malformed.fault.value, "topic": received.address, **more},
            error_message=envelope.told(malformed),
            raw=raw,
        )


async def _carried_out(work: Work, guid: str, meant: Reply, by: str) -> _Effect:
    try:
        match meant.verb:
            case ReplyVerb.ACK:
                incident = await verbs.acknowledge(work, a.check(a.Acknowledge, {"incident_guid": guid, "acknowledged_by": by}))
            case ReplyVerb.CLOSE:
                summary = {"resolution_summary": meant.text} if meant.text else {}
                incident = await verbs.close_incident(
                    work, a.check(a.CloseIncident, {"incident_guid": guid, "closed_by": by, **summary})
                )
            case _:
                note = {"incident_guid": guid, "note_type": "GENERAL", "content": meant.text, "created_by": by}
                incident = await verbs.add_note(work, a.check(a.AddNote, note))
    except (errors.InvalidTransition, errors.ValidationFailed, errors.NotFound, errors.Conflict) as exc:
        return _Effect(reason=Fault.REFUSED, incident_guid=guid, answer=f"Not done: {exc}", error=str(exc))
    done = f"Done: {incident.title} is {incident.status}."
    return _Effect(reason=_DONE[meant.verb or ReplyVerb.NOTE], incident_guid=guid, answer=done)


def _entry(incident_guid: str, channel: str, said: Said, now: datetime) -> TimelineEntry:
    return TimelineEntry(
        incident_guid=incident_guid,
        event=TimelineEvent.COMMUNICATION_LOGGED,
        description=f"{channel} reply from {said.sender}: {' '.join(said.message.split())[:_SHOWN_CHARACTERS]}",
        by=said.sender,
        at=now,
    )


def _plain(sender: str) -> str:
    """A sender as it is compared: gateways differ in case, in naming the channel, and in how they write numbers, not addresses."""
    text = sender.strip().lower().removeprefix("whatsapp:").removeprefix("tel:")
    return re.sub(r"[^+0-9]", "", text) if _NUMBER.fullmatch(text) else text
