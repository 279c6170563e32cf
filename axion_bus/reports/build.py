"""From an incident's rows to a report: what is worth saying, in words, and then laid out by a template.

Rows are dicts keyed by the guide's column names. Whatever they hold is data: HTML is escaped by the template engine, Markdown by
``_markdown``, and no row is ever a template. Called by the manager.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from axion_bus.domain.note import NoteType
from axion_bus.reports.picture import draw
from axion_bus.reports.plain import line, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

Row = dict[str, Any]

FORMATS = {"text": "report.txt", "markdown": "report.md", "html": "report.html"}
"""The formats of a report, each with its template."""

MAX_ROWS = 1000
"""How much of each kind a report tells, the latest; how much more there is it says. It has to fit into an e-mail."""

_SHORT_CHARACTERS = 120
# What begins something inside a line (CommonMark 2.4 and 6, GFM tables, strikethrough and autolinks). What begins a block needs no
# escape: no value stands at the beginning of a line.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&]|(?<=:)(?=//)|(?<=www)(?=\.)|@)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that a report tells. ``written_at`` is when it is made; an incident that is open has lasted until then.

    ``communications`` are those with people; of the buses only the number of messages. ``statuses`` are from when on it had which.
    """

    incident: Row
    alerts: Sequence[Row]
    notes: Sequence[Row]
    timeline: Sequence[Row]
    communications: Sequence[Row]
    bus_messages: int
    statuses: Sequence[tuple[datetime, str]]
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
    picture = draw(incident, material.timeline, material.statuses, until)
    return {
        "incident": incident,
        "duration": duration(until - incident["CreatedAt"]),
        "acknowledged_after": None if acknowledged is None else duration(acknowledged - incident["CreatedAt"]),
        "alerts": Listed(material.alerts),
        "timeline": Listed(material.timeline),
        "notes": _by_type(Listed(material.notes).rows),
        "earlier_notes": Listed(material.notes).earlier,
        "root_cause": _last(material.notes, NoteType.ROOT_CAUSE),
        "resolution": _last(material.notes, NoteType.RESOLUTION),
        "communications": Listed(material.communications),
        "bus_messages": material.bus_messages,
        "picture": Markup(picture),  # noqa: S704 - our own drawing, its texts escaped
        "written_at": material.written_at,
    }


class Listed:
    """The latest ``rows`` of a table, and the number of those ``earlier``."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows[-MAX_ROWS:]
        self.all = len(rows)
        self.earlier = len(rows) - len(self.rows)


def _by_type(notes: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Notes by type, the types in the guide's order, each in the order of writing."""
    order = {kind.value: place for place, kind in enumerate(NoteType)}
    by_type = sorted(notes, key=lambda note: order[note["NoteType"]])
    return [(kind, list(group)) for kind, group in groupby(by_type, key=lambda note: note["NoteType"])]


def _last(notes: Sequence[Row], kind: NoteType) -> str | None:
    return next((note["Content"] for note in reversed(notes) if note["NoteType"] == kind), None)


def duration(span: timedelta) -> str:
    """``span`` in words: ``3 d 4 h``, ``12 min``, ``8 s``; two units that follow each other at most."""
    left = max(0, round(span.total_seconds()))
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    first = next((place for place, (_, size) in enumerate(units) if left >= size), len(units) - 1)
    parts: list[str] = []
    for unit, size in units[first : first + 2]:
        number, left = divmod(left, size)
        if number or not parts:
            parts.append(f"{number} {unit}")
    return " ".join(parts)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("axion_bus.reports"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=_markdown, plain=plain, line=line, short=_short, at=_at, clock=_clock, indented=_indented)
    return environment


def _short(value: object) -> str:
    """The beginning of ``value`` on one line."""
    text = line(value)
    return text if len(text) <= _SHORT_CHARACTERS else f"{text[:_SHORT_CHARACTERS]}…"


def _markdown(value: object) -> str:
    """``value`` as literal text inside a line of Markdown."""
    return _MARKDOWN.sub(r"\\\1", line(value))


def _indented(value: object, margin: str = "    ") -> str:
    """``value``, all its lines behind ``margin``: a block of its own in text, a code block in Markdown."""
    return "\n".join(f"{margin}{each}".rstrip() for each in plain(value).splitlines())


def _clock(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def _at(value: datetime | None) -> str:
    return "" if value is None else f"{_clock(value)} UTC"
