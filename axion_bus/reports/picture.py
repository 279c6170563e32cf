"""The life of an incident as an SVG: a bar of its statuses and, below it, a mark for everything that happened, over time.

Made here and put inline, so that a report is one file without scripts, safe in e-mail and on paper. Every text in it is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

from axion_bus.reports.plain import line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Row = dict[str, Any]

WIDTH, HEIGHT = 920, 176
_LEFT, _RIGHT = 92, 904
_BAR_Y, _BAR = 34, 24
_LANES = {"alerts": 82, "work": 106, "messages": 130}
_AXIS_Y = 148
_COLOURS = {"CREATED": "#c0392b", "INVESTIGATING": "#d68910", "MONITORING": "#2874a6", "CLOSED": "#1e8449"}
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'
_GREY, _RED, _GREEN = "#34495e", "#c0392b", "#1e8449"
# Lane, colour, and whether the mark is hollow: what ended or failed must not need colour to be told from what began or was sent.
_MARKS = {
    "ALERT_LINKED": ("alerts", _RED, False),
    "ALERT_RESOLVED": ("alerts", _GREEN, True),
    "NOTIFICATION_SENT": ("messages", _GREY, False),
    "NOTIFICATION_FAILED": ("messages", _RED, True),
    "COMMUNICATION_LOGGED": ("messages", _GREY, False),
}
_OTHER_MARK = ("work", _GREY, False)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * number for number in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * number for number in (1, 2, 3, 6, 12)),
    *(_DAY * number for number in (1, 2, 7, 14, 30, 90, 365)),
)
_MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class _Scale:
    """From ``begin`` at the left to ``end`` at the right; what lies outside is shown at the edge."""

    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        share: float = (at - self.begin) / (self.end - self.begin)
        return round(_LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share)), 1)


def draw(incident: Row, timeline: Sequence[Row], statuses: Sequence[tuple[datetime, str]], until: datetime) -> str:
    """The SVG, from the incident's creation to ``until``. ``statuses``: from when on it had which; none: always the one it has."""
    begin = incident["CreatedAt"]
    scale = _Scale(begin, max(until, begin + timedelta(seconds=1)))
    found = list(spans(statuses or [(begin, incident["Status"])], scale.end))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="picture" {_FONT}>',
        f"<title>{escape(_spoken(found))}</title>",
        *_legend([status for status, _, _ in found]),
        *_ticks(scale),
        *(_bar(scale.x(start), scale.x(end), status) for status, start, end in found),
        *_lanes(),
        *_marks(scale, timeline),
        "</svg>",
    ]
    return "\n".join(parts)


def spans(statuses: Iterable[tuple[datetime, str]], end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """Which status there was from when to when; what lasted no time is left out."""
    changes: list[tuple[datetime, str]] = []
    for at, status in statuses:
        if not changes or changes[-1][1] != status:
            changes.append((at, status))
    for (start, status), (until, _) in pairwise([*changes, (end, "")]):
        if until > start:
            yield status, start, min(until, end)


def _bar(left: float, right: float, status: str) -> str:
    width = max(1.5, round(right - left, 1))
    colour = _COLOURS.get(status, _GREY)
    return f'<rect x="{left}" y="{_BAR_Y}" width="{width}" height="{_BAR}" fill="{colour}"><title>{escape(status)}</title></rect>'


def _legend(used: Sequence[str]) -> Iterator[str]:
    shown = [status for status in _COLOURS if status in used]
    for place, status in enumerate(shown):
        at = _LEFT + place * 140
        yield f'<rect x="{at}" y="8" width="12" height="12" fill="{_COLOURS[status]}"/>'
        yield f'<text x="{at + 18}" y="18" fill="#1c2833">{status}</text>'


def _lanes() -> Iterator[str]:
    yield f'<text x="0" y="{_BAR_Y + 16}" fill="#566573">status</text>'
    for name, y in _LANES.items():
        yield f'<text x="0" y="{y + 4}" fill="#566573">{name}</text>'
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}" stroke="#d5d8dc"/>'


def _marks(scale: _Scale, timeline: Sequence[Row]) -> Iterator[str]:
    """A mark for each row, one for all of a kind at the same place: a storm is no reason for a picture of megabytes."""
    placed: dict[tuple[int, str], list[Row]] = {}
    for row in timeline:
        placed.setdefault((round(scale.x(row["Timestamp"])), row["EventType"]), []).append(row)
    for (x, kind), rows in placed.items():
        lane, colour, is_hollow = _MARKS.get(kind, _OTHER_MARK)
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        said = escape(f"{rows[0]['Timestamp']:%H:%M:%S} {line(rows[0]['Description'])[:200]}{more}")
        fill, stroke = ("#fff", colour) if is_hollow else (colour, "#fff")
        place = f'cx="{x}" cy="{_LANES[lane]}" r="5"'
        yield f'<circle {place} fill="{fill}" stroke="{stroke}" stroke-width="1.5"><title>{said}</title></circle>'


def _ticks(scale: _Scale) -> Iterator[str]:
    """Round times along the axis, as many as there is room for."""
    begin_s, end_s = scale.begin.timestamp(), scale.end.timestamp()
    span_s = end_s - begin_s
    step_s = next((step for step in _STEPS_S if span_s / step < _MOST_TICKS), _DAY * ceil(span_s / _DAY / _MOST_TICKS))
    form = "%H:%M:%S" if step_s < _MINUTE else "%H:%M" if step_s < _DAY else "%m-%d" if step_s < 90 * _DAY else "%Y-%m"
    yield f'<text x="0" y="{_AXIS_Y + 18}" fill="#566573">{scale.begin:%Y-%m-%d}</text>'
    for number in range(ceil(begin_s / step_s), int(end_s // step_s) + 1):
        at = datetime.fromtimestamp(number * step_s, UTC)
        x = scale.x(at)
        yield f'<line x1="{x}" y1="{_BAR_Y - 4}" x2="{x}" y2="{_AXIS_Y}" stroke="#eaecee"/>'
        yield f'<text x="{x}" y="{_AXIS_Y + 18}" fill="#566573" text-anchor="middle">{at:{form}}</text>'


def _spoken(found: Sequence[tuple[str, datetime, datetime]]) -> str:
    return "Timeline: " + ", ".join(f"{status} from {start:%Y-%m-%d %H:%M:%S} UTC" for status, start, _ in found)
