"""A reader of JSON Schema (2020-12) for the tests: the keywords that the schemas here use, and an error for any other one.

So a schema cannot say what is not checked. ``make docs-check`` has them read by another program.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema = dict[str, Any]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_WORDS = {"$schema", "$comment", "$defs", "title", "description", "default", "examples", "if", "then"}


def faults(schema: Schema | bool, value: Any, root: Schema | None = None, at: str = "$") -> list[str]:
    """What of ``value`` ``schema`` does not allow, each with its place; none: it is valid."""
    if isinstance(schema, bool):
        return [] if schema else [f"{at}: not allowed"]
    root = schema if root is None else root
    found: list[str] = []
    for word, wanted in schema.items():
        if word not in _WORDS and word not in _KEYWORDS:
            raise ValueError(f"{word}: a keyword that this reader does not know")
        if word in _KEYWORDS:
            found += _KEYWORDS[word](wanted, value, schema, root, at)
    if "if" in schema and not faults(schema["if"], value, root, at):
        found += faults(schema.get("then", True), value, root, at)
    return found


def _ref(wanted: str, value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    target: Any = root
    for step in wanted.removeprefix("#/").split("/"):
        target = target[step]
    return faults(target, value, root, at)


def _type(wanted: str | list[str], value: Any, _schema: Schema, _root: Schema, at: str) -> list[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    return [] if any(_TYPES[name](value) for name in names) else [f"{at}: {value!r} is not {' or '.join(names)}"]


def _properties(wanted: Schema, value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    given = value if isinstance(value, dict) else {}
    return [fault for name in wanted.keys() & given.keys() for fault in faults(wanted[name], given[name], root, f"{at}.{name}")]


def _additional(wanted: Schema | bool, value: Any, schema: Schema, root: Schema, at: str) -> list[str]:
    others = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
    return [fault for name in others for fault in faults(wanted, value[name], root, f"{at}.{name}")]


def _names(wanted: Schema, value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    return [fault for name in value for fault in faults(wanted, name, root, f"{at}.{name}")] if isinstance(value, dict) else []


def _items(wanted: Schema, value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    given = value if isinstance(value, list) else []
    return [fault for number, each in enumerate(given) for fault in faults(wanted, each, root, f"{at}[{number}]")]


def _any_of(wanted: list[Schema], value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    tried = [faults(each, value, root, at) for each in wanted]
    return [] if any(not each for each in tried) else [f"{at}: none of {len(tried)}: {tried}"]


def _all_of(wanted: list[Schema], value: Any, _schema: Schema, root: Schema, at: str) -> list[str]:
    return [fault for each in wanted for fault in faults(each, value, root, at)]


def _format(wanted: str, value: Any, _schema: Schema, _root: Schema, at: str) -> list[str]:
    if wanted != "date-time":
        raise ValueError(f"format {wanted}: this reader does not know it")
    if not isinstance(value, str):
        return []
    try:
        return [] if datetime.fromisoformat(value).tzinfo is not None else [f"{at}: {value!r} has no offset"]
    except ValueError:
        return [f"{at}: {value!r} is not a date-time"]


def _holds(applies: type | tuple[type, ...], test: Callable[[Any, Any], bool], text: str) -> Callable[..., list[str]]:
    def check(wanted: Any, value: Any, _schema: Schema, _root: Schema, at: str) -> Iterator[str] | list[str]:
        is_other = not isinstance(value, applies) or isinstance(value, bool)
        return [] if is_other or test(wanted, value) else [f"{at}: {value!r} {text} {wanted!r}"]

    return check


_KEYWORDS: dict[str, Callable[..., list[str]]] = {
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "anyOf": _any_of,
    "allOf": _all_of,
    "format": _format,
    "enum": lambda wanted, value, _schema, _root, at: [] if value in wanted else [f"{at}: {value!r} is none of {wanted}"],
    "const": lambda wanted, value, _schema, _root, at: [] if value == wanted else [f"{at}: {value!r} is not {wanted!r}"],
    "not": lambda wanted, value, _schema, root, at: [] if faults(wanted, value, root) else [f"{at}: {value!r} is refused"],
    "required": _holds(dict, lambda wanted, value: value.keys() >= set(wanted), "lacks one of"),
    "minProperties": _holds(dict, lambda wanted, value: len(value) >= wanted, "has fewer members than"),
    "maxProperties": _holds(dict, lambda wanted, value: len(value) <= wanted, "has more members than"),
    "minItems": _holds(list, lambda wanted, value: len(value) >= wanted, "has fewer elements than"),
    "maxItems": _holds(list, lambda wanted, value: len(value) <= wanted, "has more elements than"),
    "minLength": _holds(str, lambda wanted, value: len(value) >= wanted, "is shorter than"),
    "maxLength": _holds(str, lambda wanted, value: len(value) <= wanted, "is longer than"),
    "pattern": _holds(str, lambda wanted, value: re.search(wanted, value) is not None, "does not match"),
    "minimum": _holds((int, float), lambda wanted, value: value >= wanted, "is less than"),
    "maximum": _holds((int, float), lambda wanted, value: value <= wanted, "is more than"),
}
