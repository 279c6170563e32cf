"""What the presets share: taking a document apart, whatever is in it, and putting an alert together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from axion_bus.domain.alert import digest
from axion_bus.formats import limits

if TYPE_CHECKING:
    from axion_bus.formats.dbus_signal import Document, NativeAlert

PROPERTIES = "org.freedesktop.DBus.Properties"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def argument(document: Document, number: int) -> Any:
    """An argument of a signal, or of an answer; None: it has not so many."""
    arguments = document.get("args")
    return arguments[number] if isinstance(arguments, list) and number < len(arguments) else None


def properties(document: Document, interface: str) -> Mapping[str, Any]:
    """The properties of ``interface`` that changed; of the answer to GetAll, which does not say of which, all that it has."""
    if document.get("member") == "PropertiesChanged":
        return table(argument(document, 1)) if argument(document, 0) == interface else {}
    return table(argument(document, 0)) if document.get("member") == "GetAll" else {}


def table(value: object) -> Mapping[str, Any]:
    """``value``, if it is a table; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def number(value: object) -> int | None:
    """``value``, if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def last_element(path: object) -> str:
    """What stands behind the last slash of an object path."""
    return path.rpartition("/")[2] if isinstance(path, str) else ""


def moment(microseconds: object) -> str | None:
    """A time that a service keeps as microseconds since 1970; None: it does not tell one."""
    since = number(microseconds)
    if since is None or since <= 0:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=since)).isoformat()
    except OverflowError:
        return None


def alert(
    host: str,
    key: str,
    title: str,
    *,
    fires: bool,
    package: str,
    severity: str,
    description: str = "",
    labels: Mapping[str, str] | None = None,
    event_id: str | None = None,
    occurred_at: str | None = None,
) -> NativeAlert:
    """An alert about ``host``; ``key`` tells what of it, and nothing else that any machine may have."""
    told = {
        "title": title[: limits.TITLE],
        "source": host,
        "package": package,
        "severity": severity,
        "status": "firing" if fires else "resolved",
        "description": description[: limits.DESCRIPTION],
        "dedup_key": _fitting(f"{host}:{key}", limits.DEDUP_KEY),
        "labels": {"host": host, **{name: value[: limits.LABEL_VALUE] for name, value in (labels or {}).items() if value}},
        "id": event_id and _fitting(f"{host}:{event_id}", limits.ID),
        "occurred_at": occurred_at,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


def _fitting(text: str, most: int) -> str:
    """``text``, or what stands for it where it is too long: an identity that is cut is another one."""
    return text if len(text) <= most else digest("preset", (text,))
