"""The JSON Schema of an event, from the types of ``formats.wire``; what an event of a kind has beside that is added here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.events import EventKind
from axion_bus.formats.wire import CloudEvent, event_type
from axion_bus.schemas.hints import define

if TYPE_CHECKING:
    from axion_bus.schemas.hints import Schema

_WITH_CHANGE = (EventKind.INCIDENT_STATUS_CHANGED, EventKind.INCIDENT_SEVERITY_CHANGED)


def event(definitions: dict[str, Schema], root: str) -> Schema:
    """A reference to any event's schema, which is put into ``definitions`` with what it refers to."""
    reference = define(CloudEvent, definitions, root)
    definitions[CloudEvent.__name__]["allOf"] = [
        _if_type("^org\\.axion\\.bus\\.(incident|communication)\\.", {"required": ["subject", "sequence"], **_has("incident")}),
        _if_type("^org\\.axion\\.bus\\.alert\\.", {"required": ["subject"], **_has("alert")}),
        {"if": {"properties": {"type": {"enum": [event_type(kind) for kind in _WITH_CHANGE]}}}, "then": _has("change")},
    ]
    return reference


def event_of(kind: EventKind, definitions: dict[str, Schema], root: str) -> Schema:
    """The schema of an event of ``kind``."""
    return {"allOf": [event(definitions, root), {"properties": {"type": {"const": event_type(kind)}}}]}


def _if_type(pattern: str, then: Schema) -> Schema:
    return {"if": {"properties": {"type": {"pattern": pattern}}}, "then": then}


def _has(name: str) -> Schema:
    return {"properties": {"data": {"required": [name]}}}
