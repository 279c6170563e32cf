"""What is allowed for an argument: in words, for people, and as JSON Schema, for programs. Used by ``fields`` and ``arguments``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import Enum


@dataclass(frozen=True, slots=True)
class Allowed:
    """In words, what a field may be; and the keywords of JSON Schema for it, beside its type's unless ``type`` is among them."""

    text: str
    keywords: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """What pydantic asks for."""
        known = {} if "type" in self.keywords else handler(schema)
        return {**known, **self.keywords, "description": self.text}


def one_of(*names: str) -> Allowed:
    """One of ``names``."""
    return Allowed(", ".join(names), {"type": "string", "enum": list(names)})


def names_of(kind: type[Enum], by_name: bool = False) -> Allowed:
    """One of the members of ``kind``."""
    return one_of(*(member.name if by_name else str(member.value) for member in kind))


def up_to(maximum: int, minimum: int = 1) -> dict[str, Any]:
    """The keywords of a text with so many characters."""
    return {"minLength": minimum, "maxLength": maximum}
