"""From an incident's rows to a report: what is worth saying, in words, and then laid out by a template.

Rows are dicts keyed by the guide's column names. Whatever they hold is data: HTML is escaped by the template engine, Markdown by
``_markdown``, and no row is ever a template. Called by the manager.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from axion_bus.domain.note import NoteType
from axion_bus.reports.picture import draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

Row = dict[str, Any]

FORMATS = {"text": "report.txt", "markdown": "report.md", "html": "report.html"}
"""The formats of a report, each with its template."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that a report tells. ``written_at`` is when it is made; an incident that is open has lasted until then."""

    incident: Row
    alerts: Sequence[Row]
    notes: Sequence[Row]
    timeline: Sequence[Row]
    communications: Sequence[Row]
    written_at: datetime


def render(material: Material, format: str) -> str:  # noqa: A002 - the guide's word
    """The report as ``format``, which is one of FORMATS."""
    template = _environment().get_template(FORMATS[format])
    return template.render(_words(material)).rstrip() + "\n"


def _words(material: Material) -> Mapping[str, Any]:
    """What the templates are given."""
    incident = material.incident
    until = incident["ClosedAt"] or material.written_at
    acknowledged = incident["AcknowledgedAt"]
    bus = [row for row in material.communications if row["Sequence"] is not None]
    return {
        "incident": incident,
        "duration": duration(until - incident["CreatedAt"]),
        "acknowledged_after": None if acknowledged is None else duration(acknowledged - incident["CreatedAt"]),
        "alerts": material.alerts,
        "timeline": material.timeline,
        "notes": _by_type(material.notes),
        "root_cause": _last(material.notes, NoteType.ROOT_CAUSE),
        "resolution": _last(material.notes, NoteType.RESOLUTION),
        "communications": [row for row in material.communications if row["Sequence"] is None],
        "events": len(bus),
        "picture": Markup(draw(incident, material.timeline, until)),  # noqa: S704 - our own drawing, its texts escaped
        "written_at": material.written_at,
    }


def _by_type(notes: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Notes by type, the types in the guide's order, each in the order of writing."""
    order = {kind.value: place for place, kind in enumerate(NoteType)}
    by_type = sorted(notes, key=lambda note: order[note["NoteType"]])
    return [(kind, list(group)) for kind, group in groupby(by_type, key=lambda note: note["NoteType"])]


def _last(notes: Sequence[Row], kind: NoteType) -> str | None:
    return next((note["Content"] for note in reversed(notes) if note["NoteType"] == kind), None)


def duration(span: timedelta) -> str:
    """``span`` in words: ``3 d 4 h``, ``12 min``, ``8 s``; two units at most."""
    left = max(0, round(span.total_seconds()))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("axion_bus.reports"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=_markdown, plain=_plain, at=_at, indented=_indented)
    return environment


def _plain(value: object) -> str:
    """``value`` without what would move a reader's cursor, change colours, or turn the direction of writing."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "" if value is None else str(value))


def _markdown(value: object) -> str:
    """``value`` as literal text in Markdown (CommonMark 2.4), on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_plain(value).split()))


def _indented(value: object, margin: str = "    ") -> str:
    """``value``, all its lines behind ``margin``: a block of its own in text, a code block in Markdown."""
    return "\n".join(f"{margin}{line}".rstrip() for line in _plain(value).splitlines())


def _at(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"
