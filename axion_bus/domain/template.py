"""Message templates with the guide's placeholders. A template is refused when it is parsed; rendering one cannot fail.

Values are put in as they are and never expanded again. Never ``str.format``: it reaches attributes of what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axion_bus.domain.incident import Incident

PLACEHOLDERS: Mapping[str, Callable[[Incident], str]] = {
    "incident_guid": lambda incident: incident.guid,
    "incident_title": lambda incident: incident.title,
    "incident_severity": lambda incident: incident.severity.name,
    "incident_status": lambda incident: incident.status.value,
    "incident_package": lambda incident: incident.package,
    "incident_description": lambda incident: incident.description,
    "incident_created_at": lambda incident: f"{incident.created_at:%Y-%m-%d %H:%M:%S} UTC",
}
"""What a placeholder stands for."""

MAX_CHARACTERS = 65_536
"""Of a template, and of what becomes of it: a description that stands in it twice may be cut."""
MAX_PLACEHOLDERS = 100


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and placeholders, in turn."""

    parts: tuple[tuple[str, str | None], ...]

    def render(self, incident: Incident) -> str:
        """The text for ``incident``, at most MAX_CHARACTERS of it."""
        text = "".join(literal + (PLACEHOLDERS[name](incident) if name else "") for literal, name in self.parts)
        return text[:MAX_CHARACTERS]


def parse(text: str) -> Template:
    """The template written as ``text``; ``{{`` and ``}}`` are braces.

    Raises:
        ValueError: an unknown placeholder, an attribute or index access, a conversion or a format spec, a lone brace, too long, or
            too many placeholders.

    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    parts = []
    for literal, name, spec, conversion in Formatter().parse(text):
        if name is not None and (spec or conversion):
            raise ValueError(f"placeholder {{{name}}} must stand alone, without '!' or ':'")
        if name is not None and name not in PLACEHOLDERS:
            raise ValueError(f"{{{name}}} is not a placeholder; known: {', '.join(f'{{{known}}}' for known in PLACEHOLDERS)}")
        parts.append((literal, name))
    placeholders = sum(name is not None for _, name in parts)
    if placeholders > MAX_PLACEHOLDERS:
        raise ValueError(f"it has {placeholders} placeholders; at most {MAX_PLACEHOLDERS} are allowed")
    return Template(tuple(parts))
