"""A person's reply as a gateway passes it on: ``{"from", "message", "external_id"}``. Called by the manager's replies."""

from __future__ import annotations

from dataclasses import dataclass

from axion_bus.domain.communication import Fault
from axion_bus.formats import strict_json
from axion_bus.formats.message import Malformed, Unreadable

MAX_CHANNEL_CHARACTERS = 50
MAX_SENDER_CHARACTERS = 255
MAX_MESSAGE_CHARACTERS = 65_536
MAX_STATUS_CHARACTERS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody said. ``external_id`` is the gateway's own id of it."""

    sender: str
    message: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What became of a message that we sent, by its reference."""

    reference: str
    status: str
    error: str | None = None


def decode_status(body: bytes) -> Status | Malformed:
    """Read ``{"reference", "status", "error"}``; the error may be missing."""
    try:
        value = strict_json.read(body)
        if not isinstance(value, dict):
            return Malformed(fault=Fault.WRONG_TYPE, place="$", detail=f"no object, but {strict_json.kind_of(value)}")
        return Status(
            reference=_text(value, "reference", 64),
            status=_text(value, "status", 64),
            error=_text(value, "error", MAX_STATUS_CHARACTERS) if value.get("error") is not None else None,
        )
    except Unreadable as exc:
        return exc.below("$")


def decode(body: bytes) -> Said | Malformed:
    """Read ``body``."""
    try:
        value = strict_json.read(body)
        if not isinstance(value, dict):
            return Malformed(fault=Fault.WRONG_TYPE, place="$", detail=f"no object, but {strict_json.kind_of(value)}")
        sender = _line(value, "from", MAX_SENDER_CHARACTERS)
        message = _text(value, "message", MAX_MESSAGE_CHARACTERS)
        external_id = _line(value, "external_id", MAX_SENDER_CHARACTERS) if value.get("external_id") is not None else None
        return Said(sender=sender, message=message, external_id=external_id)
    except Unreadable as exc:
        return exc.below("$")


def _line(value: dict[str, object], name: str, maximum: int) -> str:
    found = _text(value, name, maximum)
    if not found.isprintable():
        raise Unreadable(Fault.BAD_VALUE, f"$.{name}", f"{name} has a character that cannot be printed")
    return found


def _text(value: dict[str, object], name: str, maximum: int) -> str:
    found = value.get(name)
    if found is None:
        raise Unreadable(Fault.MISSING_FIELD, f"$.{name}", f"{name} is missing")
    if not isinstance(found, str) or not found.strip():
        raise Unreadable(Fault.WRONG_TYPE, f"$.{name}", f"{name} is no text, or empty")
    if len(found) > maximum:
        raise Unreadable(Fault.TOO_LONG, f"$.{name}", f"{len(found)} characters; at most {maximum} are allowed")
    return found
