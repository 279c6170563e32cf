"""Values for tests, with what a test does not care about filled in; and a desk at which alerts are decided one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.board import Board
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.domain.correlation import Decision, candidate, decide
from axion_bus.domain.incident import Incident, IncidentStatus
from axion_bus.domain.rules import Rule, default_rule, parse_field, parse_matcher, parse_title
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def an_alert(title: str = "API slow", **given: Any) -> Alert:
    """A firing alert of severity HIGH; ``resolved=True`` for its resolve, a severity by its name."""
    severity = Severity[given.pop("severity", "HIGH")]
    status = AlertStatus.RESOLVED if given.pop("resolved", False) else AlertStatus.FIRING
    return Alert(**{"title": title, "source": "web", "package": "WEBAPI", "severity": severity, "status": status, **given})


def an_incident(**given: Any) -> Incident:
    """An incident in CREATED, as a rule has opened it; a status by its name."""
    given["status"] = IncidentStatus(given.get("status", "CREATED"))
    defaults: dict[str, Any] = {
        "guid": "incident-1",
        "title": "API slow",
        "severity": Severity.HIGH,
        "package": "WEBAPI",
        "created_at": NOON,
        "updated_at": NOON,
        "version": 1,
        "sequence": 1,
        "rule": "default",
    }
    return Incident(**{**defaults, **given})


def a_page(guid: str = "page-1", *, incident: str | None = "incident-1", **given: Any) -> Communication:
    """A message to a person on SLACK, queued at NOON and PENDING; ``occasion`` and ``title`` are those of its Metadata."""
    occasion, title = given.pop("occasion", "created"), given.pop("title", f"[HIGH] {guid}")
    metadata = {
        "occasion": occasion,
        "reference": f"REF-{guid}",
        "title": title,
        "subject": f"{title} REF-{guid}",
        "queued_at": NOON.isoformat(),
    }
    defaults: dict[str, Any] = {
        "guid": guid,
        "short_ref": f"REF-{guid}",
        "channel": Channel.SLACK,
        "direction": Direction.OUTBOUND,
        "status": CommunicationStatus.PENDING,
        "message": f"All about {guid}.\n",
        "recipient": "#ops",
        "timestamp": NOON,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "incident_guid": incident,
        "next_attempt_at": NOON,
    }
    return Communication(**{**defaults, **given})


def pages(number: int, name: str = "page", **given: Any) -> list[Communication]:
    """So many messages, about an incident each: ``page-000``, ``page-001`` ..."""
    return [a_page(f"{name}-{n:03}", incident=f"incident-{n:03}", **given) for n in range(number)]


def a_rule(name: str = "web", match: tuple[str, ...] = (), group_by: tuple[str, ...] = ("package", "title"), **given: Any) -> Rule:
    """A rule written as in the configuration."""
    given = dict(given)
    if "create_at" in given:
        given["create_at"] = Severity[given["create_at"]]
    if "title" in given:
        given["title"] = parse_title(given["title"])
    return Rule(name=name, matchers=tuple(map(parse_matcher, match)), group_by=tuple(map(parse_field, group_by)), **given)


def numbered(prefix: str) -> Callable[[datetime], str]:
    """Gives out guids that tell their order: ``guid-1``, ``guid-2`` ..."""
    numbers = count(1)
    return lambda _now: f"{prefix}-{next(numbers)}"


@dataclass
class Desk:
    """Alerts come here one after another, each decided on a board that shows what the ones before did."""

    rules: tuple[Rule, ...] = (default_rule(),)
    now: datetime = NOON
    board: Board = field(default_factory=Board)
    new_guid: Callable[[datetime], str] = field(default_factory=lambda: numbered("guid"))
    decisions: list[Decision] = field(default_factory=list)

    def take(self, alert: Alert) -> Decision:
        """Decide ``alert`` now."""
        self.board.rules = {rule.name: rule for rule in self.rules}
        decision = decide(candidate(alert, self.rules), self.board, self.now, self.new_guid)
        self.board.apply(decision)
        self.decisions.append(decision)
        return decision

    def fire(self, title: str = "API slow", **given: Any) -> Decision:
        """An alert that fires, as ``an_alert``."""
        return self.take(an_alert(title, **given))

    def resolve(self, title: str = "API slow", **given: Any) -> Decision:
        """The resolve of that alert."""
        return self.take(an_alert(title, resolved=True, **given))

    def put(self, incident: Incident) -> None:
        """A person, or time, has made this of an incident."""
        self.board.put_incidents((incident,))
