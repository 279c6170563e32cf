"""Faults of a value by a JSON Schema (2020-12), each with its place, from the jsonschema library; ``date-time`` is checked, too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Schema = dict[str, Any]

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", ValueError)
def _is_moment(value: object) -> bool:
    """The library itself asks another one for this."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def faults(schema: Schema, value: Any, root: Schema | None = None) -> list[str]:
    """What of ``value`` ``schema`` does not allow; none: it is valid. ``root`` is the document that its references are in."""
    whole = schema if root is None else {**root, **schema}
    found = Draft202012Validator(whole, format_checker=_FORMATS).iter_errors(value)
    return [f"{each.json_path}: {each.message}" for each in found]
