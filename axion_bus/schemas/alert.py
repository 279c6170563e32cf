"""The JSON Schema of an alert in our own JSON, and of several in one message.

What it allows is read as an alert, by ``formats.native``; a test holds the two to each other. (The reader takes a little more: a
second name of a field beside the first may be anything, for it is noted and ignored.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.formats import limits
from axion_bus.formats.fields import PACKAGE, SOURCE, TITLE
from axion_bus.formats.severity import WORDS

if TYPE_CHECKING:
    from axion_bus.schemas.hints import Schema

_SOME_TEXT = r"\S"
_NOT_GIVEN: Schema = {"enum": [None, ""]}


def alert() -> Schema:
    """One alert."""
    return {
        "type": "object",
        "description": "An alert: firing, or resolved. Only a title is needed; what is not given comes from the topic.",
        "properties": _fields() | {name: schema for names in (TITLE, SOURCE, PACKAGE) for name, schema in _others(names)},
        "anyOf": [{"required": [name], "properties": {name: {"type": "string", "pattern": _SOME_TEXT}}} for name in TITLE],
        "maxProperties": limits.MEMBERS,
        "additionalProperties": True,
    }


def alerts() -> Schema:
    """One alert, or an array of them, which is one transaction."""
    return {"anyOf": [alert(), {"type": "array", "items": alert(), "minItems": 1, "maxItems": limits.ALERTS}]}


def _others(names: tuple[str, ...]) -> list[tuple[str, Schema]]:
    first, *others = names
    return [(name, {**_fields()[first], "description": f"Another name of `{first}`."}) for name in others]


def _text(most: int, description: str, *more: str) -> Schema:
    return {"type": ["string", *more, "null"], "maxLength": most, "description": description}


def _fields() -> Schema:
    words = ", ".join(word for each in WORDS.values() for word in each)
    return {
        "title": _text(limits.TITLE, "What is wrong, in a line."),
        "source": _text(limits.SOURCE, "What reports it: a host, a device."),
        "package": _text(limits.PACKAGE, "What it is about: a service, a component."),
        "severity": {
            "type": ["string", "number", "null"],
            "description": f"How bad it is. Known, in any case of letters: {words}.",
        },
        "status": {
            "anyOf": [
                {"type": "string", "pattern": r"^\s*([fF][iI][rR][iI][nN][gG]|[rR][eE][sS][oO][lL][vV][eE][dD])\s*$"},
                _NOT_GIVEN,
            ],
            "description": "`firing`, which is the default, or `resolved`.",
        },
        "description": _text(limits.DESCRIPTION, "More about it."),
        "id": _text(limits.ID, "The publisher's own id of this message: (source, id) is accepted once.", "integer"),
        "dedup_key": _text(limits.DEDUP_KEY, "What makes alerts the same one; else source, package and title do.", "integer"),
        "alert_guid": {
            "type": ["string", "null"],
            "maxLength": limits.ALERT_GUID,
            "pattern": "^[!-~]*$",
            "description": "The guid that the alert is to have.",
        },
        "labels": {
            "type": ["object", "null"],
            "maxProperties": limits.LABELS,
            "propertyNames": {"maxLength": limits.LABEL_NAME},
            "additionalProperties": {"type": ["string", "number", "boolean", "null"], "maxLength": limits.LABEL_VALUE},
            "description": "Whatever else rules are to see.",
        },
        "occurred_at": {
            "type": ["string", "number", "null"],
            "description": "When it happened, by the publisher's clock: RFC 3339, or seconds since 1970.",
        },
    }


EXAMPLES: tuple[dict[str, Any], ...] = (
    {"title": "API slow"},
    {
        "id": "evt-8713",
        "source": "web-1",
        "package": "WEBAPI",
        "title": "API slow",
        "severity": "HIGH",
        "description": "p99 is 2.3 s",
        "labels": {"env": "prod"},
        "occurred_at": "2026-01-31T22:00:00Z",
    },
    {"id": "evt-8714", "source": "web-1", "package": "WEBAPI", "title": "API slow", "status": "resolved"},
)
"""Alerts that are valid."""
