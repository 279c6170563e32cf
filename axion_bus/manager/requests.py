"""Commands that come over a bus: each is an INBOUND row, the verb's effect and an OUTBOUND row with the answer, in one transaction.

Implements ``ports.Requests``; called by the pipeline's record step. A command that is refused changes nothing but is recorded and
answered all the same.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from axion_bus import errors
from axion_bus.domain import topics
from axion_bus.domain.alert import digest
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction, Fault
from axion_bus.formats import request as format_
from axion_bus.formats.message import Malformed
from axion_bus.manager import arguments as a
from axion_bus.manager.catalogue import CATALOGUE, Answer
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.inbound import KEPT_RAW_BYTES, shown
from axion_bus.ports import Changes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.formats.request import Request
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Received, Transaction

CODES: Sequence[tuple[type[errors.AxionError], str]] = (
    (errors.NotFound, "not_found"),
    (errors.InvalidTransition, "invalid_transition"),
    (errors.Conflict, "conflict"),
    (errors.ValidationFailed, "invalid"),
)
"""What the answer's ``error.code`` is for an error of a verb."""


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    """Why a command is not carried out: the fault for its row, the code and text for its answer."""

    fault: Fault
    code: str
    text: str
    allowed: Sequence[str] | None = None


class BusRequests:
    """Answers ``<base>/request/<verb>``.

    A caller may name the topic of its answer: below the base topic or one of ``response_prefixes``, and none that ``forbidden``
    filters match, because we listen there, or others take what they hear there for ours.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        base_topic: str,
        max_payload_bytes: int,
        response_prefixes: Sequence[str],
        forbidden: Sequence[str],
    ) -> None:
        self._outbox = outbox
        self._prefix = f"{base_topic}/request/"
        self._response = f"{base_topic}/response/"
        self._response_prefixes = (f"{base_topic}/", *response_prefixes)
        self._forbidden = forbidden
        self._max_payload_bytes = max_payload_bytes

    def wants(self, address: str) -> bool:
        """Whether what comes on ``address`` is a command."""
        return address.startswith(self._prefix)

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> list[Communication]:
        """Carry out ``received`` inside ``transaction``; the rows that tell of it are written, and returned. ``guid`` is its row's.

        Raises:
            StoreConflict, StoreUnavailable: nothing of it holds; try again, whole.

        """
        verb = received.address.removeprefix(self._prefix)
        read = format_.decode(received.body)
        request = None if isinstance(read, Malformed) else read
        key = digest("command", (verb, request.idempotency_key)) if request and request.idempotency_key else None
        earlier = await transaction.answer_to(key) if key is not None else None
        work = Work(transaction=transaction, outbox=self._outbox, now=now)
        answer, refusal = Answer(None), None
        try:
            if earlier is None:
                answer = await self._carry_out(work, verb, read, received)
        except _Refused as exc:
            refusal = exc
        is_done = earlier is None and refusal is None
        body = _body(answer, refusal, request) if earlier is None else _again(earlier, request)
        response = self._response_row(received=received, verb=verb, request_guid=guid, body=body, answer=answer, now=now)
        row = self._request_row(received=received, verb=verb, guid=guid, request=request, refusal=refusal, answer=answer, now=now)
        row = replace(row, ingest_key=key if is_done else None, metadata={**row.metadata, "response": response.guid})
        await transaction.save(Changes(communications=[row, response]))
        return [row, response]

    async def _carry_out(self, work: Work, verb: str, read: Request | Malformed, received: Received) -> Answer:
        self._refuse(received, work.now)
        if isinstance(read, Malformed):
            at = f" at {read.place}" if read.place else ""
            raise _Refused(read.fault, "invalid", f"{read.fault}{at}: {read.detail}")
        if verb not in CATALOGUE:
            raise _Refused(Fault.BAD_VALUE, "invalid", f"there is no verb {verb[:64]!a}; known: {', '.join(CATALOGUE)}")
        known = CATALOGUE[verb]
        given = read.arguments
        if read.by is not None and known.actor is not None:
            given = {known.actor: read.by, **given}
        try:
            return await known.act(work, a.check(known.arguments, given))
        except errors.AxionError as exc:
            code = next((code for kind, code in CODES if isinstance(exc, kind)), None)
            if code is None:
                raise
            allowed = exc.allowed if isinstance(exc, errors.InvalidTransition) else None
            raise _Refused(Fault.REFUSED, code, str(exc), allowed) from exc

    def _refuse(self, received: Received, now: datetime) -> None:
        if len(received.body) > self._max_payload_bytes:
            text = f"{len(received.body)} bytes; [intake] max_payload_bytes allows {self._max_payload_bytes}"
            raise _Refused(Fault.TOO_LARGE, "invalid", text)
        if received.bad_address:
            raise _Refused(Fault.BAD_TOPIC, "invalid", "the topic is not UTF-8 (MQTT 5 1.5.4)")
        if received.retained:
            raise _Refused(Fault.RETAINED, "refused", "a retained command would be carried out again and again; do not retain it")
        expires_s = received.attributes.expires_s if received.attributes else None
        if expires_s is not None and received.received_at + timedelta(seconds=expires_s) < now:
            raise _Refused(Fault.EXPIRED, "refused", f"it expired {expires_s} s after it came, before it could be carried out")

    def _request_row(
        self,
        *,
        received: Received,
        verb: str,
        guid: str,
        request: Request | None,
        refusal: _Refused | None,
        answer: Answer,
        now: datetime,
    ) -> Communication:
        """The INBOUND row: what was asked, by whom, and what became of it."""
        reason = "command" if refusal is None else refusal.fault.value
        return Communication(
            guid=guid,
            short_ref=self._outbox.new_reference(now),
            incident_guid=answer.incident_guid,
            channel=received.channel,
            direction=Direction.INBOUND,
            status=CommunicationStatus.RECEIVED if refusal is None else CommunicationStatus.FAILED,
            message=shown(received.body),
            recipient=received.address,
            timestamp=received.received_at,
            metadata={"reason": reason, "verb": verb[:64], "by": request.by if request else None},
            external_id=request.idempotency_key if request else None,
            error_message=None if refusal is None else f"{refusal.code}: {refusal.text}",
            raw=None if refusal is None else received.body[:KEPT_RAW_BYTES],
        )

    def _response_row(
        self, *, received: Received, verb: str, request_guid: str, body: str, answer: Answer, now: datetime
    ) -> Communication:
        """The OUTBOUND row: the answer, and where it goes."""
        attributes = received.attributes
        metadata: dict[str, Any] = {"reason": "response", "request": request_guid}
        if attributes is not None and attributes.correlation is not None:
            metadata["correlation"] = base64.b64encode(attributes.correlation).decode()
        return Communication(
            guid=self._outbox.new_guid(now),
            short_ref=self._outbox.new_reference(now),
            incident_guid=answer.incident_guid,
            channel=Channel.MQTT,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING,
            message=body,
            recipient=self._where(attributes.response_topic if attributes else None, verb),
            timestamp=now,
            metadata=metadata,
            next_attempt_at=now,
        )

    def _where(self, wished: str | None, verb: str) -> str:
        """The topic of the answer: the one wished for, if it may be published to by anybody's wish, else the verb's own."""
        own = self._response + (verb if verb in CATALOGUE else "unknown")
        if wished is None or not wished.startswith(self._response_prefixes):
            return own
        try:
            topics.check_name(wished)
        except ValueError:
            return own
        return own if any(topics.matches(each, wished) for each in self._forbidden) else wished


def _again(earlier: str, request: Request | None) -> str:
    """The answer of the first time, under the mark of this time."""
    return to_json({**from_json(earlier), "transaction": request.transaction if request else None}).decode()


def _body(answer: Answer, refusal: _Refused | None, request: Request | None) -> str:
    error: dict[str, Any] | None = None
    if refusal is not None:
        error = {"code": refusal.code, "message": refusal.text}
        if refusal.allowed is not None:
            error["allowed"] = list(refusal.allowed)
    body = {
        "status": "ok" if refusal is None else "error",
        "data": answer.data,
        "error": error,
        "transaction": request.transaction if request else None,
    }
    return to_json(body).decode()
