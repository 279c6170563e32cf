"""Walking the sections by key: what is allowed at a key, in words, and which keys there are.

Faults, the reading of environment variables, ``show`` and ``docs/configuration.md`` all ask here, so that they cannot disagree.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from axion_bus.config.secret import ALLOWED as SECRET_ALLOWED
from axion_bus.config.secret import Secret
from axion_bus.config.section import Section
from axion_bus.config.settings import Settings
from axion_bus.config.values import Allowed, format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KeyPath = tuple[str | int, ...]
"""Where a key is: ``("mqtt", "sources", 0, "topic")``."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a key's value without its ``| None``, and what is annotated to it."""

    type: Any
    metadata: tuple[Any, ...] = ()

    @property
    def section(self) -> type[Section] | None:
        """The section, if the value is a table of known keys."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, Section) else None

    @property
    def item(self) -> Kind | None:
        """The kind of an array's elements, or of the values of a table of free keys."""
        if get_origin(self.type) is tuple:
            return _kind(get_args(self.type)[0])
        return _kind(get_args(self.type)[1]) if get_origin(self.type) is Mapping else None

    @property
    def keys(self) -> Kind | None:
        """The kind of the keys of a table of free keys."""
        return _kind(get_args(self.type)[0]) if get_origin(self.type) is Mapping else None

    @property
    def is_array(self) -> bool:
        """Whether the value is an array."""
        return get_origin(self.type) is tuple

    @property
    def is_secret(self) -> bool:
        """Whether the value is a reference to a secret."""
        return self.type is Secret

    @property
    def is_text(self) -> bool:
        """Whether the value is written as a TOML string, and as nothing else."""
        if get_origin(self.type) is Literal:
            return isinstance(get_args(self.type)[0], str)
        is_other = self.section or self.item or self.is_secret or self.type in (bool, int, float, datetime)
        return not is_other


def kind_of(info: FieldInfo) -> Kind:
    """The kind of a section's field."""
    return _kind(info.annotation, tuple(info.metadata))


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """The keys of ``section`` as they are written in TOML."""
    return {info.alias or name: info for name, info in section.model_fields.items()}


def kind_at(path: KeyPath) -> Kind | None:
    """The kind of the value at ``path``, or None where there is no such key.

    A ``"[key]"`` at the end stands, as with pydantic, for the key before it and not for its value.
    """
    if path and path[-1] == "[key]":
        table = kind_at(path[:-2])
        return table.keys if table else None
    kind: Kind | None = Kind(Settings)
    for step in path:
        if kind is None:
            return None
        if kind.section is not None:
            info = fields_of(kind.section).get(step) if isinstance(step, str) else None
            kind = None if info is None else kind_of(info)
        else:
            kind = kind.item if kind.is_array is isinstance(step, int) else None
    return kind


def dotted(path: Iterable[str | int]) -> str:
    """The path as it is written: ``mqtt.sources[0].topic``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def allowed(kind: Kind) -> str:
    """In words, what a value of ``kind`` may be."""
    text = next((mark.text for mark in reversed(kind.metadata) if isinstance(mark, Allowed)), None) or _by_type(kind)
    bounds = _bounds(kind.metadata)
    return f"{text}, {bounds}" if bounds else text


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Every section of the configuration with its header: ``[mqtt]``, ``[[mqtt.sources]]``, ``[channels.slack]``."""
    yield from _sections(Settings, "")


def _sections(section: type[Section], prefix: str) -> Iterator[tuple[str, type[Section]]]:
    for name, info in fields_of(section).items():
        kind = kind_of(info)
        inner = kind.section or (kind.item.section if kind.item else None)
        if inner is not None:
            yield f"[[{prefix}{name}]]" if kind.is_array else f"[{prefix}{name}]", inner
            yield from _sections(inner, f"{prefix}{name}.")


def _kind(annotation: Any, metadata: tuple[Any, ...] = ()) -> Kind:
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        flat = (mark.metadata if isinstance(mark, FieldInfo) else (mark,) for mark in marks)
        return _kind(inner, (*chain.from_iterable(flat), *metadata))
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _kind(members[0], metadata) if len(members) == 1 else Kind(annotation, metadata)
    return Kind(annotation, metadata)


def _by_type(kind: Kind) -> str:
    if kind.is_secret:
        return SECRET_ALLOWED
    if kind.section is not None:
        return "a table"
    if kind.is_array and kind.item is not None:
        return "an array of tables" if kind.item.section else f"an array; each element: {allowed(kind.item)}"
    if kind.item is not None:
        return f"a table; each value: {allowed(kind.item)}"
    return _scalar(kind.type)


def _scalar(type_: Any) -> str:
    if get_origin(type_) is Literal:
        return " or ".join(_quoted(value) for value in get_args(type_))
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return " or ".join(_quoted(member.value) for member in type_)
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[type_]


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _bounds(metadata: Iterable[Any]) -> str:
    low = high = ""
    for mark in metadata:
        match mark:
            case Ge(ge=bound):
                low = f"from {_bound(bound)} on"
            case Gt(gt=bound):
                low = f"more than {_bound(bound)}"
            case Le(le=bound):
                high = f"{_bound(bound)} at most"
            case _:
                pass
    return ", ".join(filter(None, (low, high)))


def _bound(bound: object) -> str:
    return format_duration(bound) if isinstance(bound, timedelta) else str(bound)
