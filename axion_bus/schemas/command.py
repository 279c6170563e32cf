"""The JSON Schemas of commands: one for each verb of the bus, from the arguments that the verb itself checks.

Also what answers them, from ``formats.wire``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.formats.request import MAX_KEY_CHARACTERS
from axion_bus.formats.wire import RefusedWhy
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.schemas.hints import define, said

if TYPE_CHECKING:
    from axion_bus.manager.catalogue import Verb
    from axion_bus.schemas.hints import Schema

_KEY = {"minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "pattern": r"\S"}


def command(verb: str) -> Schema:
    """The arguments of ``verb`` on the bus, and what every command may have beside them."""
    known = CATALOGUE[verb]
    made: Schema = _without_titles(known.arguments.model_json_schema())
    return {
        "title": verb,
        "type": "object",
        "description": f"The arguments of {said(known.arguments.__doc__)}",
        "properties": {**made["properties"], **_own(known)},
        "required": made.get("required", []),
        "additionalProperties": False,
    }


def answer(definitions: dict[str, Schema], root: str) -> Schema:
    """What answers a command."""
    return {
        "type": "object",
        "description": "What became of a command: its data, or why it was not carried out.",
        "properties": {
            "status": {"enum": ["ok", "error"]},
            "data": {"description": "What the verb gives; null with an error."},
            "error": {"anyOf": [define(RefusedWhy, definitions, root), {"type": "null"}]},
            "transaction": {"description": "The caller's own mark, as it came."},
        },
        "required": ["status", "data", "error", "transaction"],
        "additionalProperties": False,
    }


def _own(verb: Verb) -> Schema:
    by = f"Stands for `{verb.actor}`, where that is not given." if verb.actor else "Who asks."
    key = "Makes a retry safe: a command with a key that was carried out before is answered again, and changes nothing."
    return {
        "by": {"type": ["string", "null"], **_KEY, "description": by},
        "idempotency_key": {"type": ["string", "null"], **_KEY, "description": key},
        "transaction": {"description": "The caller's own mark, of any kind; it comes back with the answer."},
    }


def _without_titles(schema: Any) -> Any:
    """``schema`` without the titles that are only the names of the fields once more."""
    if isinstance(schema, dict):
        kept = {name: each for name, each in schema.items() if name != "title" or not isinstance(each, str)}
        return {name: _without_titles(each) for name, each in kept.items()}
    return [_without_titles(each) for each in schema] if isinstance(schema, list) else schema
