"""How the demo looks: one aligned line for each thing that happens, in colours on a terminal, safe whatever an alert holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from axion_bus.domain.communication import Fault, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from axion_bus.store.arrivals import Arrival

_MAX_CHARACTERS = 160
_COLOURS = {"CRITICAL": "bright_red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan", "resolved": "green"}
_EFFECTS: Mapping[str, tuple[str, str, str]] = {
    Reason.OPENED: ("incident", "created", "{incident}"),
    Reason.LINKED: ("incident", "linked", "{incident}"),
    Reason.REOPENED: ("incident", "reopened", "{incident}"),
    Reason.REPEATED: ("repeat", "counted", "seen {count} times"),
    Reason.SEVERITY_CHANGED: ("repeat", "counted", "seen {count} times, with another severity now"),
    Reason.BELOW_CREATE_AT: ("recorded", "", "not severe enough to open an incident"),
    Reason.SILENCED: ("recorded", "", "silenced"),
    Reason.OUT_OF_ORDER: ("recorded", "", "the alert has fired since: it stays open"),
    Reason.NOTHING_TO_RESOLVE: ("recorded", "", "no such alert is open"),
}
"""What became of an alert: the kind of the line, its mark, its text. A resolve is told by its event."""
_ALERTS = frozenset(Reason)
_RESOLVES = frozenset({Reason.RESOLVED, Reason.OUT_OF_ORDER, Reason.NOTHING_TO_RESOLVE})
_GAPS = frozenset({Fault.SESSION_LOST, Fault.BROKER_DROPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: when, what kind of thing, its reference, a mark in a word, a text."""

    at: datetime | None = None
    kind: str = ""
    reference: str = ""
    mark: str = ""
    text: str = ""


def of_arrival(arrival: Arrival) -> Iterator[Line]:
    """The lines of a message that came in, and of what became of it."""
    whole = f"{arrival.sender}  {arrival.message}"
    line = partial(Line, at=arrival.at, reference=arrival.reference)
    if arrival.reason in _GAPS:  # no message came in; that is the point
        yield line(kind="gap", text=arrival.error or "")
    elif arrival.error is not None:
        yield line(kind="message", mark="refused", text=whole)
        yield Line(text=arrival.error)
    elif arrival.reason in _ALERTS:
        mark = "resolved" if arrival.reason in _RESOLVES else arrival.severity or ""
        yield line(kind="alert", mark=mark, text=f"{arrival.source}/{arrival.package}  {arrival.title}" if arrival.title else whole)
        if arrival.reason in _EFFECTS:
            kind, mark, text = _EFFECTS[arrival.reason]
            yield Line(at=arrival.at, kind=kind, mark=mark, text=text.format(incident=arrival.incident_guid, count=arrival.count))
    else:
        yield line(kind="message", mark=arrival.channel, text=whole)


def of_event(event: Mapping[str, Any]) -> Line:
    """The line of a published event. Raises KeyError, TypeError, ValueError, AttributeError for what is none of ours."""
    noun, verb = event["type"].removeprefix("org.axion.bus.").removesuffix(".v1").split(".")
    data = event["data"]
    change = data.get("change", {})
    text = f"{noun}/{verb}"
    if change.get("old"):  # of what is new there is none
        text = f"{text}  {change['old']} -> {change['new']}"
    number = f"no. {event['sequence']}" if "sequence" in event else ""
    at = datetime.fromisoformat(event["time"])
    return Line(at=at, kind="event", reference=data["reference"], mark=number, text=text)


def show(line: Line) -> None:
    """Print ``line``."""
    time = f"{line.at.astimezone():%H:%M:%S}" if line.at else " " * 8
    columns = (
        click.style(time, dim=True),
        click.style(f"{line.kind:<8}", bold=line.kind == "incident" or None),
        click.style(f"{line.reference:<20}", dim=True),
        click.style(f"{line.mark:<8}", fg=_COLOURS.get(line.mark)),
        printable(line.text),
    )
    say("  ".join(columns).rstrip())


def say(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Print ``text``; in colours on a terminal, unless $NO_COLOR says otherwise (no-color.org)."""
    click.echo(text, color=False if environ.get("NO_COLOR") else None)


def printable(text: str) -> str:
    """``text`` on one line and without anything that a terminal would obey; long ones cut."""
    cut = text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}..."
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)
