"""A type of ``formats.wire`` as JSON Schema: what may be in a message, from the very types that the code fills.

Each TypedDict becomes a definition of its own that others refer to. Knows no message by name; used by the schemas beside it.
"""

from __future__ import annotations

import builtins
import types
import typing
from collections import abc
from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from axion_bus.formats.wire import Fits

Schema = dict[str, Any]

_SCALARS: abc.Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    type(None): {"type": "null"},
}


def define(kind: Any, definitions: dict[str, Schema], root: str) -> Schema:
    """A reference to the TypedDict ``kind``, which is put into ``definitions``; these are found below ``root``."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # before its parts, which may refer to it
        hints = get_type_hints(kind, include_extras=True)
        definitions[name] = {
            "type": "object",
            "description": said(kind.__doc__),
            "properties": {key: _schema(hint, definitions, root) for key, hint in hints.items()},
            "required": [key for key in hints if key in kind.__required_keys__],
            "additionalProperties": False,
        }
    return {"$ref": f"{root}{name}"}


def said(text: str | None) -> str:
    """A docstring as a description: on one line, code in single backticks."""
    return " ".join((text or "").replace("``", "`").split())


def _schema(hint: Any, definitions: dict[str, Schema], root: str) -> Schema:
    def below(each: Any) -> Schema:
        return _schema(each, definitions, root)

    match get_origin(hint), get_args(hint):
        case (typing.NotRequired, (inner,)):
            schema = below(inner)
        case (typing.Annotated, _):
            schema = _annotated(hint, definitions, root)
        case (typing.Union | types.UnionType, members):
            schema = {"anyOf": [below(each) for each in members]}
        case (typing.Literal, values):
            schema = {"enum": list(values)}
        case (builtins.list, (item,)):
            schema = {"type": "array", "items": below(item)}
        case (abc.Mapping, (_, value)):
            schema = {"type": "object", "additionalProperties": below(value)}
        case _:
            schema = define(hint, definitions, root) if is_typeddict(hint) else _scalar(hint)
    return schema


def _scalar(hint: Any) -> Schema:
    if issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {**_SCALARS[hint]}


def _annotated(hint: Any, definitions: dict[str, Schema], root: str) -> Schema:
    schema = _schema(hint.__origin__, definitions, root)
    for mark in hint.__metadata__:
        match mark:
            case str():
                schema["description"] = mark
            case Fits(keyword=keyword, value=value):
                schema[keyword] = list(value) if isinstance(value, tuple) else value
    return schema
