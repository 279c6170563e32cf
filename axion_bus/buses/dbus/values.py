"""D-Bus values as plain JSON values, and back. Pure; what came from outside is bounded by the size of its message.

Called by all of this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from dbus_next.signature import Variant

if TYPE_CHECKING:
    from dbus_next.message import Message

_INT64 = range(-(2**63), 2**63)


def plain(value: Any) -> Any:
    """``value`` as JSON has it. A variant is its value, a struct an array, a dictionary an object; bytes are a text.

    Services use bytes for what is almost a text, a path in most cases: a NUL at its end is dropped, and what is not UTF-8 is
    escaped. A number that JSON does not have is null.
    """
    match value:
        case Variant():
            return plain(value.value)
        case bytes():
            return value.removesuffix(b"\0").decode("utf-8", "backslashreplace")
        case Mapping():
            return {_key(key): plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case float() if not isfinite(value):
            return None
        case _:
            return value


def document(message: Message, sender: str) -> dict[str, Any]:
    """A signal, or a call, as mappings and presets see it; ``sender`` is the name that it is known by."""
    return {
        "sender": sender,
        "path": message.path,
        "interface": message.interface,
        "member": message.member,
        "args": plain(message.body),
    }


def variants(values: Mapping[str, Any]) -> dict[str, Variant]:
    """A JSON object as ``a{sv}``. A member that is null is left out; a number is ``x`` or ``d``."""
    return {_text(key): variant(value) for key, value in values.items() if value is not None}


def variant(value: Any) -> Variant:  # noqa: PLR0911 - one for each kind of value
    """A JSON value as the variant that holds it; null inside an array is an empty text."""
    match value:
        case bool():
            return Variant("b", value)
        case int() if value in _INT64:
            return Variant("x", value)
        case float():
            return Variant("d", value)
        case Mapping():
            return Variant("a{sv}", variants(value))
        case str() | int() | None:
            return Variant("s", _text(value))
        case Sequence() if all(isinstance(each, str) for each in value):
            return Variant("as", [_text(each) for each in value])
        case Sequence():
            return Variant("av", [variant(each) for each in value])
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _text(value: object) -> str:
    """A text that D-Bus takes: without NUL, and UTF-8 (D-Bus specification, Basic types)."""
    text = "" if value is None else str(value)
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
