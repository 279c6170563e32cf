"""What is wrong with a configuration, one line a fault: where, which key, what was found, what is allowed.

Never a secret: the value of a reference to one, of a key that is not known, or of a table is not shown, and the password of a URL
is blanked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from axion_bus.config.keys import Kind, allowed, dotted, fields_of, kind_at
from axion_bus.config.urls import without_password
from axion_bus.config.values import format_duration
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from axion_bus.config.keys import KeyPath

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``where`` is a file or an environment variable; ``key`` is dotted, empty for the file as a whole."""

    where: str
    key: str
    text: str

    def __str__(self) -> str:
        """The line that people read; printable whatever was found."""
        line = ": ".join(part for part in (self.where, self.key, self.text) if part)
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


def config_error(faults: Iterable[Fault]) -> ConfigError:
    """The error that carries ``faults``, one a line."""
    return ConfigError("\n".join(map(str, faults)))


def faults_of(error: ValidationError, where: Callable[[KeyPath], str]) -> list[Fault]:
    """Every fault that pydantic found; ``where`` tells where a key was set."""
    return [
        Fault(where(details["loc"]), dotted(step for step in details["loc"] if step != "[key]"), _text(details))
        for details in error.errors(include_url=False)
        if details["type"] != "default_factory_not_called"  # follows from a fault that is listed itself
    ]


def _text(details: ErrorDetails) -> str:
    path, kind = details["loc"], kind_at(details["loc"])
    match details["type"]:
        case "refused":
            return str(details["ctx"]["text"])
        case "extra_forbidden":
            return unknown_key(path)
        case "missing":
            return f"not set, and it has to be; allowed: {_allowed(kind)}"
        case "value_error":
            return f"found {shown(details['input'], kind)}: {details['ctx']['error']}; allowed: {_allowed(kind)}"
        case _:
            return f"found {shown(details['input'], kind)}; allowed: {_allowed(kind)}"


def _allowed(kind: Kind | None) -> str:
    return "another value" if kind is None else allowed(kind)


def unknown_key(path: KeyPath) -> str:
    """What to say of the last step of ``path``, which is no key: the keys that look like it, else all that are allowed there."""
    table = kind_at(path[:-1])
    names = sorted(fields_of(table.section)) if table and table.section else []
    close = get_close_matches(str(path[-1]), names, n=3)
    if close:
        return f"unknown key; did you mean {' or '.join(close)}?"
    return f"unknown key; allowed here: {', '.join(names) or 'no key'}"


def shown(value: object, kind: Kind | None = None) -> str:
    """``value`` for a message: short, one line, and only what kind of thing it is where it may hold a secret."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array" if value else "an empty array"
    if kind is None or kind.is_secret or (kind.section and not kind.metadata):
        return "a single value"
    return _shown_scalar(value)


def _shown_scalar(value: object) -> str:
    match value:
        case str():
            text = without_password(value)
            short = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
            return json.dumps(short, ensure_ascii=False)
        case bool():
            return str(value).lower()
        case int() if abs(value) >= 10**20:
            return "a huge number"  # and Python refuses to write one of more than 4300 digits
        case timedelta():
            return format_duration(value)
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
