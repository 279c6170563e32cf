"""Commands that come over a bus: each is an INBOUND row and the verb's effect, in one transaction, and is answered.

Over MQTT the answer is an OUTBOUND row of that transaction; a D-Bus call is answered by its reply, which the adapter makes of
``Answered.answer`` after the commit. Implements ``ports.Requests``; called by the pipeline's record step. A command that is refused
changes nothing but is recorded and answered all the same.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from axion_bus import errors
from axion_bus.domain import topics
from axion_bus.domain.alert import digest
from axion_bus.domain.communication import Asked, Channel, Communication, CommunicationStatus, Direction, Fault
from axion_bus.formats import request as format_
from axion_bus.formats.message import Malformed
from axion_bus.manager import arguments as a
from axion_bus.manager import envelope
from axion_bus.manager.catalogue import CATALOGUE, Answer
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.inbound import sent_by, shown
from axion_bus.ports import Answered, Changes

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
    (errors.ConfigError, "refused"),
)
"""What the answer's ``error.code`` is for an error of a verb."""

MAX_ANSWER_BYTES = 1024 * 1024
"""A longer answer is not given: whoever asked for ten thousand incidents is to ask for fewer at a time."""

_NOT_CARRIED_OUT = frozenset({Fault.RETAINED, Fault.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a command is not carried out: the fault for its row, the code and text for its answer, and what it was about."""

    fault: Fault
    code: str
    text: str
    allowed: Sequence[str] | None = None
    incident_guid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One command as it is dealt with. ``key`` makes it one with its repetitions."""

    received: Received
    guid: str
    verb: str
    now: datetime
    request: Request | None
    key: str | None


class BusRequests:
    """Answers ``<base>/request/<verb>``, and what a bus itself calls a request.

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
        self._root = f"{base_topic}/request"
        self._response = f"{base_topic}/response/"
        self._response_prefixes = tuple(f"{prefix.rstrip('/')}/" for prefix in (base_topic, *response_prefixes))
        self._forbidden = forbidden
        self._max_payload_bytes = max_payload_bytes

    def wants(self, received: Received) -> bool:
        """Whether ``received`` is a command."""
        if received.request is not None:
            return True
        return received.channel == Channel.MQTT and f"{received.address}/".startswith(f"{self._root}/")

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Answered:
        """Carry out ``received`` inside ``transaction``; the rows that tell of it are written. ``guid`` is its own row's.

        Raises:
            StoreConflict, StoreUnavailable: nothing of it holds; try again, whole.

        """
        verb = self._verb(received)
        fault = envelope.fault_of(received, max_payload_bytes=self._max_payload_bytes)
        read = fault if fault and fault.fault is Fault.TOO_LARGE else format_.decode(received.body)
        request = None if isinstance(read, Malformed) else read
        key = digest("command", (verb, request.idempotency_key)) if request and request.idempotency_key and not fault else None
        asked = _Asked(received=received, guid=guid, verb=verb, now=now, request=request, key=key)
        earlier = None if key is None else await transaction.answer_to(key)
        if earlier is not None:
            answered = self._answered(asked, Answer(None), Asked.REPEATED_COMMAND, _again(earlier, request), key=None)
        elif fault is not None:
            answered = self._refused(asked, _unread(fault))
        elif isinstance(read, Malformed):
            answered = self._refused(asked, _unread(read))
        else:
            answered = await self._carried_out(Work(transaction=transaction, outbox=self._outbox, now=now), asked, read)
        await transaction.save(Changes(communications=list(answered.rows)))
        return answered

    def apology(self, received: Received, now: datetime) -> list[Communication]:
        """The answer to a command that could not be carried out by our own fault, or the database's; none where a reply tells."""
        if received.request is not None:
            return []
        fault = envelope.fault_of(received, max_payload_bytes=self._max_payload_bytes)
        read = fault or format_.decode(received.body)
        request = None if isinstance(read, Malformed) else read
        asked = _Asked(
            received=received, guid=self._outbox.new_guid(now), verb=self._verb(received), now=now, request=request, key=None
        )
        text = "it could not be carried out, which is not your fault; nothing was changed, and the audit stream has it"
        error = {"code": "unavailable", "message": text}
        return [self._response_row(asked, Answer(None), _body(request, error=error))]

    def _verb(self, received: Received) -> str:
        return received.request or received.address.removeprefix(self._root).removeprefix("/")

    async def _carried_out(self, work: Work, asked: _Asked, request: Request) -> Answered:
        done = _expired(asked.received, work.now) or await _act(work, asked.verb, request)
        if isinstance(done, Refusal):
            return self._refused(asked, done)
        body = _body(request, data=done.data)
        if len(body.encode()) > MAX_ANSWER_BYTES:
            text = (
                f"the answer would have {len(body.encode())} bytes, and {MAX_ANSWER_BYTES} are sent at most; ask for less (limit)"
            )
            return self._refused(asked, Refusal(fault=Fault.REFUSED, code="refused", text=text))
        return self._answered(asked, done, Asked.COMMAND, body, key=asked.key)

    def _refused(self, asked: _Asked, refusal: Refusal) -> Answered:
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.text}
        if refusal.allowed is not None:
            error["allowed"] = list(refusal.allowed)
        about = Answer(None, refusal.incident_guid)
        return self._answered(asked, about, refusal.fault, _body(asked.request, error=error), refusal=refusal)

    def _answered(
        self,
        asked: _Asked,
        about: Answer,
        reason: Asked | Fault,
        body: str,
        *,
        refusal: Refusal | None = None,
        key: str | None = None,
    ) -> Answered:
        """What was asked, by whom, and what became of it; and the answer, and where it goes."""
        received, request = asked.received, asked.request
        metadata = {"reason": reason.value, **sent_by(received), "verb": asked.verb[:64], "by": _who(asked)}
        responses, answer = [], None
        if received.request is None:
            responses = [self._response_row(asked, about, body)]
            metadata["response"] = responses[0].guid
        else:
            answer = from_json(body)
            if key is not None:
                metadata["answer"] = answer  # for who repeats the call: no row has it
        raw = None
        if refusal is not None:
            raw, more = envelope.kept(received.body)
            metadata.update(more)
        row = Communication(
            guid=asked.guid,
            short_ref=self._outbox.new_reference(asked.now),
            incident_guid=about.incident_guid,
            channel=received.channel,
            direction=Direction.INBOUND,
            status=CommunicationStatus.RECEIVED if refusal is None else CommunicationStatus.FAILED,
            message=received.body.decode() if refusal is None else shown(received.body),
            recipient=received.address,
            timestamp=received.received_at,
            metadata=metadata,
            external_id=request.idempotency_key if request else None,
            error_message=None if refusal is None else f"{refusal.code}: {refusal.text}",
            ingest_key=key,
            raw=raw,
        )
        return Answered([row, *responses], answer)

    def _response_row(self, asked: _Asked, about: Answer, body: str) -> Communication:
        attributes = asked.received.attributes
        metadata: dict[str, Any] = {"reason": "response", "request": asked.guid}
        if attributes is not None and attributes.correlation is not None:
            metadata["correlation"] = base64.b64encode(attributes.correlation).decode()
        return Communication(
            guid=self._outbox.new_guid(asked.now),
            short_ref=self._outbox.new_reference(asked.now),
            incident_guid=about.incident_guid,
            channel=Channel.MQTT,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING,
            message=body,
            recipient=self._where(attributes.response_topic if attributes else None, asked.verb),
            timestamp=asked.now,
            metadata=metadata,
            next_attempt_at=asked.now,
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


def _unread(malformed: Malformed) -> Refusal:
    code = "refused" if malformed.fault in _NOT_CARRIED_OUT else "invalid"
    return Refusal(fault=malformed.fault, code=code, text=envelope.told(malformed))


def _expired(received: Received, now: datetime) -> Refusal | None:
    expires_s = received.attributes.expires_s if received.attributes else None
    if expires_s is None or now <= received.received_at + timedelta(seconds=expires_s):
        return None
    text = f"it expired {expires_s} s after it came, before it could be carried out"
    return Refusal(fault=Fault.EXPIRED, code="refused", text=text)


async def _act(work: Work, verb: str, request: Request) -> Answer | Refusal:
    known = CATALOGUE.get(verb)
    if known is None:
        text = f"there is no verb {verb[:64]!a}; known: {', '.join(CATALOGUE)}"
        return Refusal(fault=Fault.BAD_VALUE, code="invalid", text=text)
    given = request.arguments
    if request.by is not None and known.actor is not None:
        given = {known.actor: request.by, **given}
    try:
        arguments = a.check(known.arguments, given)
    except errors.ValidationFailed as exc:
        return Refusal(fault=Fault.REFUSED, code="invalid", text=str(exc))
    try:
        return await known.act(work, arguments)
    except errors.AxionError as exc:
        code = next((code for kind, code in CODES if isinstance(exc, kind)), None)
        if code is None:
            raise
        allowed = exc.allowed if isinstance(exc, errors.InvalidTransition) else None
        about = None if isinstance(exc, errors.NotFound) else known.incident_of(arguments)
        return Refusal(fault=Fault.REFUSED, code=code, text=str(exc), allowed=allowed, incident_guid=about)


def _who(asked: _Asked) -> str | None:
    """Who asks: ``by``, or the argument that the verb has for it."""
    if asked.request is None:
        return None
    known = CATALOGUE.get(asked.verb)
    named = asked.request.arguments.get(known.actor) if known is not None and known.actor is not None else None
    return named[: format_.MAX_KEY_CHARACTERS] if isinstance(named, str) else asked.request.by


def _again(earlier: str, request: Request | None) -> str:
    """The answer of the first time, under the mark of this time."""
    return to_json({**from_json(earlier), "transaction": request.transaction if request else None}).decode()


def _body(request: Request | None, *, data: Any = None, error: dict[str, Any] | None = None) -> str:
    body = {
        "status": "ok" if error is None else "error",
        "data": data,
        "error": error,
        "transaction": request.transaction if request else None,
    }
    return to_json(body).decode()
