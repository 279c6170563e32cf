"""Plain text: the first line is the title, what follows is the description; the topic says the rest (contract 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats.encoding import text_of
from axion_bus.formats.fields import alert
from axion_bus.formats.message import Element, Unreadable

if TYPE_CHECKING:
    from axion_bus.formats.message import Context

_PLACES = {"title": "line 1", "description": "line 2"}


def decode(body: bytes, context: Context) -> list[Element]:
    """The one alert that ``body`` is."""
    try:
        return [Element(alert(fields_of(text_of(body)), context, _PLACES.__getitem__), None)]
    except Unreadable as exc:
        return [Element(exc.below(""), None)]


def fields_of(text: str, place: str = "") -> dict[str, object]:
    """Title and description of ``text``, which stands at ``place``. Raises Unreadable where there is none."""
    if "\0" in text:
        raise Unreadable(Fault.NUL, place, "holds a NUL character")
    title, _, description = text.strip().partition("\n")
    if not title:
        raise Unreadable(Fault.EMPTY, place, "the text is only white space")
    return {"title": title.rstrip(), "description": description.strip()}
