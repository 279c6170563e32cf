"""Commands on the bus: a JSON object of arguments, with what says who asks and how the answer is to be recognised.

Called by the manager's bus requests. Which arguments a verb takes is the manager's matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axion_bus.domain.communication import Fault
from axion_bus.formats import strict_json
from axion_bus.formats.message import Malformed, Unreadable

MAX_KEY_CHARACTERS = 255
_OWN = ("by", "idempotency_key", "transaction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command's arguments. ``transaction`` is the caller's own mark, of any kind; it is sent back as it came."""

    arguments: dict[str, Any]
    by: str | None = None
    idempotency_key: str | None = None
    transaction: Any = None


def decode(body: bytes) -> Request | Malformed:
    """What ``body`` asks for. No payload at all means no arguments."""
    try:
        value = _object(body)
        own = {name: value.get(name) for name in _OWN}
        return Request(
            arguments={name: given for name, given in value.items() if name not in _OWN},
            by=_text(own["by"], "by"),
            idempotency_key=_text(own["idempotency_key"], "idempotency_key"),
            transaction=own["transaction"],
        )
    except Unreadable as exc:
        return exc.below("$")


def _object(body: bytes) -> dict[str, Any]:
    value = strict_json.read(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise Unreadable(Fault.WRONG_TYPE, "", f"a command is a JSON object of arguments, found {strict_json.kind_of(value)}")
    return value


def _text(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(Fault.WRONG_TYPE, f".{name}", f"it is no text, but {strict_json.kind_of(value)}, or empty")
    if len(value) > MAX_KEY_CHARACTERS:
        raise Unreadable(Fault.TOO_LONG, f".{name}", f"{len(value)} characters; at most {MAX_KEY_CHARACTERS} are allowed")
    return value
