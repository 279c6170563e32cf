"""The settings in force as plain data and as TOML that reads back to the same settings; secrets stay references.

For ``config show`` and for ``docs/configuration.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axion_bus.config.keys import fields_of
from axion_bus.config.secret import Secret
from axion_bus.config.section import Section
from axion_bus.config.urls import BrokerUrl, MysqlUrl, SqliteUrl
from axion_bus.config.values import format_duration
from axion_bus.domain.alert import Severity
from axion_bus.domain.rules import Field, Matcher, TitleTemplate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axion_bus.config.keys import KeyPath
    from axion_bus.config.settings import Settings


def plain(value: object) -> Any:
    """``value`` as it is written in the configuration: tables, arrays, texts, numbers. What is not set is left out."""
    match value:
        case Section():
            items = {name: plain(getattr(value, attribute)) for name, attribute in _attributes(type(value))}
            return {name: item for name, item in items.items() if item not in (None, {})}
        case Secret():
            return {value.kind: value.name}
        case tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {plain(key): plain(item) for key, item in value.items()}
        case _:
            return next((write(value) for kind, write in _SCALARS if isinstance(value, kind)), value)


_SCALARS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (Severity, lambda severity: severity.name),
    (Enum, lambda member: member.value),
    (timedelta, format_duration),
    (Field, lambda compiled: compiled.text),
    (Matcher, lambda compiled: compiled.text),
    (TitleTemplate, lambda compiled: compiled.text),
    (BrokerUrl, str),
    (SqliteUrl, str),
    (MysqlUrl, str),
    (Path, str),
)
"""How a value that TOML does not have is written; the first that fits counts."""


def toml(settings: Settings) -> str:
    """The settings as TOML; every default is written out."""
    return "\n".join(_table("", plain(settings))).strip() + "\n"


def literal(value: object) -> str:
    """``value`` of ``plain`` as TOML on one line."""
    match value:
        case dict():
            items = ", ".join(f"{_key(key)} = {literal(item)}" for key, item in value.items())
            return f"{{ {items} }}" if items else "{}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def secrets(settings: Settings) -> Iterator[tuple[KeyPath, Secret]]:
    """Every reference to a secret, with the key that holds it."""
    yield from _secrets((), settings)


def _secrets(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, Secret]]:
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, Section):
        for name, attribute in _attributes(type(value)):
            yield from _secrets((*path, name), getattr(value, attribute))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _secrets((*path, number), item)


def _attributes(section: type[Section]) -> Iterator[tuple[str, str]]:
    return zip(fields_of(section), section.model_fields, strict=True)


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """A table's own keys, then the tables and the arrays of tables in it, each under its header."""
    below = {key: value for key, value in table.items() if _is_table(value) or _is_array_of_tables(value)}
    yield from (f"{_key(key)} = {literal(value)}" for key, value in table.items() if key not in below)
    for key, value in below.items():
        path = f"{name}.{_key(key)}".removeprefix(".")
        for header, inner in [(f"[[{path}]]", item) for item in value] if isinstance(value, list) else [(f"[{path}]", value)]:
            yield from ("", header)
            yield from _table(path, inner)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and not (len(value) == 1 and value.keys() <= {"credential", "file", "env"})


def _is_array_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name, ensure_ascii=False)
