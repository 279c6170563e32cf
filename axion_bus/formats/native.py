"""Our own JSON: an object with an alert's fields, or an array of them (contract 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.formats import parts
from axion_bus.formats.fields import alert

if TYPE_CHECKING:
    from axion_bus.formats.message import Context, Element


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts in ``body``."""
    return parts.decode(body, context, alert)
