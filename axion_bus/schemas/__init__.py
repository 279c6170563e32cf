"""What is on the bus, for other programs to read: JSON Schemas of alerts, events and commands, and the AsyncAPI document.

Made from the types and tables that the daemon goes by, so that they cannot say anything else. Printed by ``axion-bus schema``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from axion_bus import __version__
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.schemas.alert import EXAMPLES, alerts
from axion_bus.schemas.asyncapi import document
from axion_bus.schemas.command import command
from axion_bus.schemas.event import event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axion_bus.schemas.hints import Schema

_ROOT = "#/$defs/"
_COLUMNS = 132
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _alert() -> Schema:
    return {"$schema": _DIALECT, "title": "An alert, or several", **alerts(), "examples": list(EXAMPLES)}


def _event() -> Schema:
    definitions: dict[str, Schema] = {}
    return {"$schema": _DIALECT, "title": "An event", **event(definitions, _ROOT), "$defs": definitions}


def _command() -> Schema:
    verbs = {verb: command(verb) for verb in CATALOGUE}
    return {
        "$schema": _DIALECT,
        "title": "A command",
        "description": "The verb stands in the topic: $defs has what each may have.",
        "anyOf": [{"$ref": f"{_ROOT}{verb}"} for verb in verbs],
        "$defs": verbs,
    }


DOCUMENTS: Mapping[str, Callable[[], Schema]] = {
    "asyncapi": lambda: document(__version__),
    "alert": _alert,
    "event": _event,
    "command": _command,
}
"""By the name that ``axion-bus schema`` knows each by."""


def text(value: Any, indent: str = "", name: str = "") -> str:
    """``value`` as JSON for people, too: what fits stands on one line, behind its ``name``."""
    line = name + json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) < _COLUMNS or not isinstance(value, dict | list):
        return line
    deeper = f"{indent}  "
    if isinstance(value, dict):
        parts = [text(each, deeper, f"{json.dumps(key, ensure_ascii=False)}: ") for key, each in value.items()]
    else:
        parts = [text(each, deeper) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{name}{opening}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{closing}"
