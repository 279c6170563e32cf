"""What the daemon tells on D-Bus, as the desktop reads it: incidents and messages to people. Pure; plain values come in.

Lenient, because the daemon may be newer or older: what is missing is empty, what is unknown is ordinary. Only a guid must be one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel, Direction
from axion_bus.domain.incident import IncidentStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_TITLE_CHARACTERS = 300
_TEXT_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """An incident as it was at ``version``. ``created_at`` is only for its place among others."""

    guid: str
    title: str
    severity: Severity
    status: IncidentStatus
    package: str = ""
    description: str = ""
    created_at: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """A message that a notify code sends to desktops, on ``occasion``."""

    reference: str
    recipient: str
    occasion: str
    subject: str
    text: str
    severity: Severity
    incident_guid: str | None = None


def incident(fields: Mapping[str, Any]) -> IncidentView | None:
    """The incident that a signal carries; None: it has no guid."""
    guid = _text(fields, "incident_guid", 64)
    if not _GUID.fullmatch(guid):
        return None
    version = fields.get("version")
    return IncidentView(
        guid=guid,
        title=_text(fields, "title", _TITLE_CHARACTERS),
        severity=_severity(fields),
        status=IncidentStatus.__members__.get(_text(fields, "status", 20), IncidentStatus.INVESTIGATING),
        package=_text(fields, "package", _TITLE_CHARACTERS),
        description=_text(fields, "description", _TEXT_CHARACTERS),
        created_at=_text(fields, "created_at", 40),
        version=version if isinstance(version, int) else 0,
    )


def incident_object(properties: Mapping[str, Any]) -> IncidentView | None:
    """The incident whose object has ``properties``: IncidentGuid, Title ..."""
    return incident({_CAPITAL.sub("_", name).lower(): value for name, value in properties.items()})


def letter(reference: str, fields: Mapping[str, Any]) -> LetterView | None:
    """The message to desktops that was recorded; None: it is another one, or was not for them."""
    if (fields.get("channel"), fields.get("direction")) != (Channel.DBUS, Direction.OUTBOUND):
        return None
    guid = _text(fields, "incident_guid", 64)
    return LetterView(
        reference=reference[:64],
        recipient=_text(fields, "recipient", _TITLE_CHARACTERS),
        occasion=_text(fields, "occasion", 32),
        subject=_text(fields, "subject", _TITLE_CHARACTERS),
        text=_text(fields, "text", _TEXT_CHARACTERS),
        severity=_severity(fields),
        incident_guid=guid if _GUID.fullmatch(guid) else None,
    )


def _text(fields: Mapping[str, Any], name: str, most: int) -> str:
    value = fields.get(name)
    return value[:most] if isinstance(value, str) else ""


def _severity(fields: Mapping[str, Any]) -> Severity:
    return Severity.__members__.get(_text(fields, "severity", 20), Severity.MEDIUM)
