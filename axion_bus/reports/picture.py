"""The timeline of an incident as an SVG: a bar of its statuses, coloured, and a mark for everything that happened, over time.

Made here and put inline, so that a report is one file without scripts, safe in e-mail and on paper.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = dict[str, Any]

WIDTH, HEIGHT = 920, 132
_LEFT, _RIGHT, _BAR_Y, _BAR = 16, 904, 56, 26
_MARKS_Y, _AXIS_Y = 98, 122
_COLOURS = {"CREATED": "#c0392b", "INVESTIGATING": "#d68910", "MONITORING": "#2874a6", "CLOSED": "#1e8449"}
_NAMES = {
    "CREATED": "created",
    "ALERT_LINKED": "alert",
    "ALERT_RESOLVED": "resolved",
    "NOTE_ADDED": "note",
    "STATUS_CHANGE": "status",
    "SEVERITY_CHANGE": "severity",
}
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'
_MAX_MARKS = 400
_CHANGED = re.compile(r"Status changed from [A-Z]+ to ([A-Z]+)")


def draw(incident: Row, timeline: Sequence[Row], until: datetime) -> str:
    """The SVG, from the incident's creation to ``until``; its texts are escaped."""
    begin = incident["CreatedAt"]
    span = max(until - begin, timedelta(seconds=1))

    def x(at: datetime) -> float:
        share: float = (at - begin) / span
        return round(_LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share)), 1)

    spans = list(_spans(timeline, begin, until, incident["Status"]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="picture" {_FONT}>',
        f"<title>{escape(_spoken(spans))}</title>",
        *(_legend(spans)),
        *(_bar(x(start), x(end), status) for status, start, end in spans),
        *(_mark(x(row["Timestamp"]), row) for row in timeline[:_MAX_MARKS]),
        f'<text x="{_LEFT}" y="{_AXIS_Y}" fill="#555">{begin:%Y-%m-%d %H:%M:%S}</text>',
        f'<text x="{_RIGHT}" y="{_AXIS_Y}" fill="#555" text-anchor="end">{until:%Y-%m-%d %H:%M:%S} UTC</text>',
        "</svg>",
    ]
    return "\n".join(parts)


def _spans(timeline: Sequence[Row], begin: datetime, until: datetime, status_now: str) -> Iterator[tuple[str, datetime, datetime]]:
    """Which status the incident had from when to when; the timeline's sentences name the status that follows."""
    changes = [("CREATED", begin)]
    for row in timeline:
        if row["EventType"] == "STATUS_CHANGE" and (changed := _CHANGED.match(row["Description"])):
            changes.append((changed[1], row["Timestamp"]))
        elif row["EventType"] in ("CLOSED", "REOPENED"):
            changes.append(("CLOSED" if row["EventType"] == "CLOSED" else "INVESTIGATING", row["Timestamp"]))
    for (status, start), (_, end) in pairwise([*changes, (status_now, until)]):
        if end > start:
            yield status, start, end


def _bar(left: float, right: float, status: str) -> str:
    width = max(1.5, round(right - left, 1))
    return f'<rect x="{left}" y="{_BAR_Y}" width="{width}" height="{_BAR}" fill="{_COLOURS[status]}"><title>{status}</title></rect>'


def _legend(spans: Sequence[tuple[str, datetime, datetime]]) -> Iterator[str]:
    used = [status for status in _COLOURS if any(status == each for each, _, _ in spans)]
    for place, status in enumerate(used):
        at = _LEFT + place * 140
        yield f'<rect x="{at}" y="18" width="12" height="12" fill="{_COLOURS[status]}"/>'
        yield f'<text x="{at + 18}" y="28" fill="#222">{status}</text>'


def _mark(at: float, row: Row) -> str:
    what = escape(f"{row['Timestamp']:%H:%M:%S} {_NAMES.get(row['EventType'], row['EventType'].lower())}: {row['Description']}")
    return f'<circle cx="{at}" cy="{_MARKS_Y}" r="3.5" fill="#333" fill-opacity="0.65"><title>{what}</title></circle>'


def _spoken(spans: Sequence[tuple[str, datetime, datetime]]) -> str:
    return "Timeline: " + ", ".join(f"{status} from {start:%Y-%m-%d %H:%M:%S}" for status, start, _ in spans)
