"""What a decoder is given beside the bytes, and what it gives back: alerts, or the fault that kept bytes from being one.

Inside this room a fault travels as the exception Unreadable; it never leaves it. Imported by every format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.domain.alert import Alert, Severity
    from axion_bus.domain.communication import Fault


@immutable(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a message came from. ``source``, ``package`` and ``severity`` fill what an alert leaves out.

    ``content_type`` and ``properties`` are MQTT 5's Content Type and User Properties; without them, None and empty.
    """

    topic: str
    source: str
    package: str
    severity: Severity
    content_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Why bytes are not an alert. ``place`` is like JSONPath (``$[3].labels.env``), or empty; ``detail`` is for people."""

    fault: Fault
    place: str
    detail: str


@immutable(frozen=True, slots=True)
class Element:
    """One alert of a message. ``text`` is its own part of a message that has several, character for character; else None."""

    content: Alert | Malformed
    text: str | None


Decoder: TypeAlias = "Callable[[bytes, Context], list[Element]]"
"""Never raises, whatever the bytes; at least one element."""


class Unreadable(Exception):
    """Bytes that are not an alert. ``place`` is as in Malformed, or begins with ``.`` or ``[`` below the part that is read."""

    def __init__(self, fault: Fault, place: str, detail: str) -> None:
        super().__init__(fault, place, detail)
        self.fault = fault
        self.place = place
        self.detail = detail

    def below(self, root: str) -> Malformed:
        """The fault of a part that stands at ``root``."""
        place = root + self.place if self.place[:1] in ("", ".", "[") else self.place
        return Malformed(fault=self.fault, place=place, detail=self.detail)


def shown(value: object) -> str:
    """``value``, which came from outside, in a text for people: short, and without control characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
