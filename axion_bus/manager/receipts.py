"""What a provider tells later of a message, on ``<base>/inbound/<channel>/status``: ``{"reference", "status", "error"}``.

A gateway passes it on (Twilio's StatusCallback, say). ``failed`` and ``undelivered`` make the message FAILED after all, which the
incident's timeline and an event tell. Implements ``ports.Requests``; nothing is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.domain import reference
from axion_bus.domain.changes import Step, tell
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction, Fault
from axion_bus.domain.events import EventKind
from axion_bus.formats import gateway
from axion_bus.formats.message import Malformed
from axion_bus.pipeline.inbound import KEPT_RAW_BYTES, shown
from axion_bus.ports import Answered, Changes
from axion_bus.store import queries

if TYPE_CHECKING:
    from datetime import datetime

    from axion_bus.formats.gateway import Status
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Received, Transaction

Row = dict[str, Any]

FAILURES = frozenset({"failed", "undelivered", "rejected", "bounced"})
"""The statuses after which a message will not arrive any more, in any case of letters."""


class Receipts:
    """Takes what comes on ``<base>/inbound/<channel>/status``."""

    def __init__(self, *, outbox: Outbox, base_topic: str, max_payload_bytes: int) -> None:
        self._outbox = outbox
        self._prefix = f"{base_topic}/inbound/"
        self._max_payload_bytes = max_payload_bytes

    def wants(self, received: Received) -> bool:
        """Whether ``received`` tells of a message that was sent."""
        is_heard = received.channel == Channel.MQTT and received.address.startswith(self._prefix)
        return is_heard and received.address.endswith("/status")

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Answered:
        """Record it, and what it changes; as ``ports.Requests``."""
        told = self._read(received)
        message = None if isinstance(told, Malformed) else await _message(transaction, told.reference)
        fault = told if isinstance(told, Malformed) else None
        if fault is None and message is None:
            fault = Malformed(fault=Fault.BAD_VALUE, place="$.reference", detail="no message that was sent has this reference")
        row = self._row(received, guid, message, fault, now)
        changes = Changes(communications=[row])
        if isinstance(told, gateway.Status) and message is not None and told.status.lower() in FAILURES:
            await self._fail(transaction, message, told, changes, now)
        await transaction.save(changes)
        return Answered(changes.communications)

    def apology(self, received: Received, now: datetime) -> list[Communication]:
        """Nothing: a gateway waits for no answer."""
        return []

    def _read(self, received: Received) -> Status | Malformed:
        if received.retained:
            text = "a retained status would be taken again and again; do not retain it"
            return Malformed(fault=Fault.RETAINED, place="", detail=text)
        if len(received.body) > self._max_payload_bytes:
            return Malformed(fault=Fault.TOO_LARGE, place="", detail=f"{len(received.body)} bytes")
        return gateway.decode_status(received.body)

    def _row(self, received: Received, guid: str, message: Row | None, fault: Malformed | None, now: datetime) -> Communication:
        channel = received.address.removeprefix(self._prefix).removesuffix("/status").upper()
        return Communication(
            guid=guid,
            short_ref=self._outbox.new_reference(now),
            incident_guid=None if message is None else message["IncidentGuid"],
            channel=channel[: gateway.MAX_CHANNEL_CHARACTERS],
            direction=Direction.INBOUND,
            status=CommunicationStatus.RECEIVED if fault is None else CommunicationStatus.FAILED,
            message=shown(received.body),
            recipient=received.address,
            timestamp=received.received_at,
            metadata={"reason": "delivery_status" if fault is None else fault.fault.value},
            error_message=None if fault is None else f"{fault.fault}: {fault.detail}",
            raw=None if fault is None else received.body[:KEPT_RAW_BYTES],
        )

    async def _fail(self, transaction: Transaction, message: Row, told: Status, changes: Changes, now: datetime) -> None:
        """The message is FAILED after all; once."""
        error = f"the provider says {told.status}" + (f": {told.error}" if told.error else "")
        if not await transaction.fail_sent(message["CommunicationGuid"], error) or message["IncidentGuid"] is None:
            return
        incident = (await transaction.incidents_by_guid([message["IncidentGuid"]]))[0]
        text = f"{message['Channel']} message {message['ShortRef']} to {message['Recipient']} failed: {error}"
        step = Step(EventKind.COMMUNICATION_FAILED, text, new=message["ShortRef"])
        tells = tell(incident, [step], reason="undelivered", now=now)
        changes.changed_incidents.append(tells.incident)
        changes.timeline.extend(tells.timeline)
        changes.communications.extend(self._outbox.rows(tells.events, now))


async def _message(transaction: Transaction, text: str) -> Row | None:
    short_ref = reference.canonical(text)
    if short_ref is None:
        return None
    found = await transaction.ask(lambda connection: queries.communication_row(connection, short_ref))
    return found if found is not None and found["Direction"] == Direction.OUTBOUND else None
