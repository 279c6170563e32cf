"""People's replies from gateways, on ``<base>/inbound/<channel>``: recorded, linked to what they quote, obeyed from whom we know.

``{"from", "message", "external_id"}``; (channel, external_id) is accepted once. Implements ``ports.Requests``. A stranger's command
is recorded and not answered: a code of three characters is guessable, and an answer would tell that it was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus import errors
from axion_bus.domain import reply
from axion_bus.domain.alert import digest
from axion_bus.domain.communication import Communication, CommunicationStatus, Direction, Fault
from axion_bus.domain.incident import TimelineEntry, TimelineEvent
from axion_bus.domain.reply import Reply, ReplyVerb
from axion_bus.formats import gateway
from axion_bus.formats.message import Malformed
from axion_bus.manager import arguments as a
from axion_bus.manager import verbs
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.inbound import KEPT_RAW_BYTES, shown
from axion_bus.pipeline.notifications import free_reference
from axion_bus.ports import Changes
from axion_bus.store import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from axion_bus.formats.gateway import Said
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Received, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effect:
    """What became of a reply: the named reason, the incident, what to answer (None: nothing)."""

    reason: str
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
        self._prefix = f"{base_topic}/inbound/"
        self._max_payload_bytes = max_payload_bytes
        self._senders = {channel: {_plain(each) for each in known} for channel, known in senders.items()}
        self._reachable = reachable

    def wants(self, address: str) -> bool:
        """Whether what comes on ``address`` is a person's reply."""
        return address.startswith(self._prefix)

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> list[Communication]:
        """Record the reply, do what it asks for, queue the answer; as ``ports.Requests``."""
        channel = received.address.removeprefix(self._prefix).upper()
        work = Work(transaction=transaction, outbox=self._outbox, now=now)
        said = self._read(received, channel)
        if isinstance(said, Malformed):
            effect = _Effect(reason=said.fault.value, error=f"{said.fault}: {said.detail}")
            row = _row(received, guid, channel=channel, said=None, effect=effect, outbox=self._outbox, now=now)
            await transaction.save(Changes(communications=[row]))
            return [row]
        key = None if said.external_id is None else digest("reply", (channel, said.external_id))
        if key is not None and await transaction.accepted([key]):
            effect, key = _Effect(reason="repeated_reply"), None
        else:
            effect = await self._effect(work, channel, said)
        rows = [_row(received, guid, channel=channel, said=said, effect=effect, outbox=self._outbox, now=now, key=key)]
        timeline = []
        if effect.incident_guid is not None:
            timeline.append(_entry(effect.incident_guid, channel, said, now))
        if effect.answer is not None:
            rows.append(await self._answer_row(work, channel, said, effect))
        await transaction.save(Changes(communications=rows, timeline=timeline))
        return rows

    def _read(self, received: Received, channel: str) -> Said | Malformed:
        if received.retained:
            return Malformed(
                fault=Fault.RETAINED, place="", detail="a retained reply would be taken again and again; do not retain it"
            )
        if len(received.body) > self._max_payload_bytes:
            return Malformed(fault=Fault.TOO_LARGE, place="", detail=f"{len(received.body)} bytes")
        if received.bad_address or not channel or "/" in channel or len(channel) > gateway.MAX_CHANNEL_CHARACTERS:
            return Malformed(fault=Fault.BAD_TOPIC, place="", detail="the topic names no channel: <base_topic>/inbound/<channel>")
        return gateway.decode(received.body)

    async def _effect(self, work: Work, channel: str, said: Said) -> _Effect:
        meant = reply.parse(said.message, work.now)
        guid = await work.transaction.ask(lambda connection: queries.incident_of_references(connection, meant.references))
        if meant.verb is None:
            return _Effect(reason="reply" if guid else "reply_without_reference", incident_guid=guid)
        if _plain(said.sender) not in self._senders.get(channel, ()):
            return _Effect(reason="sender_not_allowed", incident_guid=guid, error="this sender may not command by a reply")
        if guid is None:
            return _Effect(reason="unknown_reference", answer="Nothing is known by that reference.", error="no such reference")
        return await _carried_out(work, guid, meant, f"{said.sender} ({channel})")

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
                "reference": reference,
                "subject": f"Re: {said.message[:60]}",
                "queued_at": work.now.isoformat(),
            },
            error_message=None if is_reachable else f"channel {channel} is not configured: [channels.{channel.lower()}] is missing",
            next_attempt_at=work.now if is_reachable else None,
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
        return _Effect(reason="refused", incident_guid=guid, answer=f"Not done: {exc}", error=str(exc))
    done = f"Done: {incident.title} is {incident.status}."
    return _Effect(reason=f"reply_{meant.verb}", incident_guid=guid, answer=done)


def _row(
    received: Received,
    guid: str,
    *,
    channel: str,
    said: Said | None,
    effect: _Effect,
    outbox: Outbox,
    now: datetime,
    key: str | None = None,
) -> Communication:
    """The INBOUND row: what was said, by whom, and what became of it."""
    metadata: dict[str, Any] = {"reason": effect.reason, "topic": received.address}
    return Communication(
        guid=guid,
        short_ref=outbox.new_reference(now),
        incident_guid=effect.incident_guid,
        channel=channel[: gateway.MAX_CHANNEL_CHARACTERS] if said else received.channel,
        direction=Direction.INBOUND,
        status=CommunicationStatus.RECEIVED if effect.error is None else CommunicationStatus.FAILED,
        message=shown(received.body) if said is None else said.message,
        recipient=received.address if said is None else said.sender,
        timestamp=received.received_at,
        metadata=metadata,
        external_id=said.external_id if said else None,
        error_message=effect.error,
        ingest_key=key,
        raw=received.body[:KEPT_RAW_BYTES] if said is None else None,
    )


def _entry(incident_guid: str, channel: str, said: Said, now: datetime) -> TimelineEntry:
    return TimelineEntry(
        incident_guid=incident_guid,
        event=TimelineEvent.COMMUNICATION_LOGGED,
        description=f"{channel} reply from {said.sender}: {said.message[:200]}",
        by=said.sender,
        at=now,
    )


def _plain(sender: str) -> str:
    """A sender as it is compared: gateways differ in case, spaces, and in naming the channel before a number."""
    return sender.strip().lower().removeprefix("whatsapp:").removeprefix("tel:").replace(" ", "").replace("-", "")
