"""What came in as items to record, and each item's INBOUND row: what it was, what became of it, and why."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from axion_bus.domain.communication import Communication, CommunicationStatus, Direction, Fault
from axion_bus.domain.immutable import immutable
from axion_bus.formats import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from axion_bus.domain.correlation import Candidate, Decision
    from axion_bus.formats import Element
    from axion_bus.ports import Received

KEPT_RAW_BYTES = 64 * 1024
"""How much is kept of a message that is over the size limit; of any other that fails, all is."""
_SHOWN_CHARACTERS = 4096


@immutable(frozen=True, slots=True)
class Item:
    """One alert of a message, or what could not be read as one. ``guid`` is its row's, the same however often it is tried.

    ``text`` is its own part of a message that has several; ``message`` then names the message that they share.
    """

    received: Received
    guid: str
    content: Candidate | Malformed
    text: str | None = None
    message: str | None = None


def items(
    received: Received,
    elements: Sequence[Element],
    consider: Callable[[Element], Candidate | Malformed],
    new_guid: Callable[[datetime], str],
    now: datetime,
) -> list[Item]:
    """An item for each of ``elements``, in order."""
    message = new_guid(now) if len(elements) > 1 else None
    return [Item(received, new_guid(now), consider(element), element.text, message) for element in elements]


def broken(received: Received, exc: Exception, new_guid: Callable[[datetime], str], now: datetime) -> Item:
    """The item for a message that our own code failed on."""
    detail = f"{type(exc).__name__}: {exc}"[:300]
    return Item(received, new_guid(now), Malformed(fault=Fault.INTERNAL, place="", detail=detail))


def accepted_row(item: Item, found: Candidate, decision: Decision, reference: str, key: str | None) -> Communication:
    """The RECEIVED row of ``item``: what it did and why."""
    metadata: dict[str, Any] = {"reason": decision.reason.value, "rule": found.rule.name}
    if decision.silence is not None:
        metadata["silence"] = decision.silence.guid
    if item.message is not None:
        metadata["message"] = item.message
    if found.alert.remarks:
        metadata["remarks"] = found.alert.remarks
    received = item.received
    metadata.update(sent_by(received))
    return Communication(
        guid=item.guid,
        short_ref=reference,
        channel=received.channel,
        direction=Direction.INBOUND,
        status=CommunicationStatus.RECEIVED,
        message=item.text or received.body.decode(),
        recipient=received.address,
        timestamp=received.received_at,
        metadata=metadata,
        incident_guid=None if decision.incident is None else decision.incident.guid,
        alert_guid=None if decision.alert is None else decision.alert.guid,
        external_id=found.alert.id,
        ingest_key=key,
    )


def failed_row(item: Item, malformed: Malformed, reference: str) -> Communication:
    """The FAILED row of ``item``: its raw bytes, what is wrong with them and where."""
    received = item.received
    raw = received.body if item.text is None else item.text.encode()
    metadata: dict[str, Any] = {"reason": malformed.fault.value, **sent_by(received)}
    if item.message is not None:
        metadata["message"] = item.message
    if malformed.place:
        metadata["place"] = malformed.place
    if malformed.fault is Fault.TOO_LARGE:
        metadata["length"] = len(raw)
        metadata["sha256"] = hashlib.sha256(raw).hexdigest()
        raw = raw[:KEPT_RAW_BYTES]
    at = f" at {malformed.place}" if malformed.place else ""
    return Communication(
        guid=item.guid,
        short_ref=reference,
        channel=received.channel,
        direction=Direction.INBOUND,
        status=CommunicationStatus.FAILED,
        message=shown(raw),
        recipient=received.address,
        timestamp=received.received_at,
        metadata=metadata,
        error_message=f"{malformed.fault.value}{at}: {malformed.detail}",
        raw=raw,
    )


def sent_by(received: Received) -> dict[str, Any]:
    """What a row's Metadata tells of who sent ``received``, where the bus says so."""
    told: dict[str, Any] = {}
    if received.sender is not None:
        told["sender"] = dict(received.sender)
    if received.source is not None:
        told["source"] = received.source
    if received.request is not None:
        told["verb"] = received.request
    return told


def shown(raw: bytes) -> str:
    """``raw`` as people can read it: cut, and with escapes for what is not text."""
    return raw[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
