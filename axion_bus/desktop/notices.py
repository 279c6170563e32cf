"""What is shown to a person of an incident, and how a notification server is told, by what it can do. Pure.

Summaries are plain text everywhere; bodies are markup where the server says so (Desktop Notifications Specification 1.2, "Markup"),
and then nothing of an incident is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from axion_bus.desktop.views import IncidentView, LetterView

NEVER_MS = 0
AS_THE_SERVER_LIKES_MS = -1
_SUMMARY_CHARACTERS = 120
_BODY_CHARACTERS = 400
_BODY_LINES = 6


class Urgency(IntEnum):
    """The specification's levels."""

    LOW = 0
    NORMAL = 1
    CRITICAL = 2


class Answer(StrEnum):
    """What a person can say to a notification; the keys of its buttons."""

    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


LABELS: Mapping[Answer, str] = MappingProxyType({Answer.ACKNOWLEDGE: "Acknowledge", Answer.CLOSE: "Close"})
URGENCIES: Mapping[Severity, Urgency] = MappingProxyType(
    {
        Severity.LOW: Urgency.LOW,
        Severity.MEDIUM: Urgency.NORMAL,
        Severity.HIGH: Urgency.NORMAL,
        Severity.CRITICAL: Urgency.CRITICAL,
    }
)
_ICONS = {Urgency.LOW: "dialog-information", Urgency.NORMAL: "dialog-warning", Urgency.CRITICAL: "dialog-error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person is to see; texts are plain. ``stays``: until it is answered or withdrawn. ``calls`` makes it news again."""

    summary: str
    body: str
    urgency: Urgency
    answers: tuple[Answer, ...] = ()
    stays: bool = False
    calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notice as a server takes it: the arguments of its Notify, but for the hints' types."""

    icon: str
    summary: str
    body: str
    actions: list[str]
    urgency: Urgency
    expire_ms: int


def of_incident(view: IncidentView, *, text: str | None = None, calls: int = 0) -> Notice:
    """What tells of ``view``; ``text``, which somebody wrote for people, takes the place of its description."""
    is_new = view.status is IncidentStatus.CREATED
    about = view.package if is_new else f"{view.package} · {view.status}"
    return Notice(
        summary=f"{view.severity.name}: {view.title}",
        body=f"{about}\n{view.description if text is None else text}",
        urgency=URGENCIES[view.severity],
        answers=(Answer.ACKNOWLEDGE, Answer.CLOSE) if is_new else (Answer.CLOSE,),
        stays=view.severity >= Severity.HIGH,
        calls=calls,
    )


def of_letter(letter: LetterView) -> Notice:
    """A message to which there is nothing to answer."""
    return Notice(summary=letter.subject, body=letter.text, urgency=URGENCIES[letter.severity])


def of_rest(rest: Sequence[IncidentView]) -> Notice:
    """What stands for the incidents for which there is no place."""
    counts = Counter(view.severity for view in rest)
    by_severity = ", ".join(f"{counts[severity]} {severity.name}" for severity in sorted(counts, reverse=True))
    summary = "1 more open incident" if len(rest) == 1 else f"{len(rest)} more open incidents"
    return Notice(summary=summary, body=by_severity, urgency=Urgency.LOW)


def of_failure(view: IncidentView, answer: Answer, why: str) -> Notice:
    """What tells that an answer came to nothing."""
    verb = LABELS[answer].lower()
    return Notice(summary=f"Could not {verb}: {view.title}", body=why, urgency=Urgency.NORMAL)


def rendered(notice: Notice, capabilities: Collection[str]) -> Notification:
    """``notice`` for a server that has ``capabilities``."""
    body = _lines(notice.body) if "body" in capabilities else ""
    actions = [word for answer in notice.answers for word in (answer.value, LABELS[answer])]
    return Notification(
        icon=_ICONS[notice.urgency],
        summary=_line(notice.summary),
        body=escape(body, quote=False) if "body-markup" in capabilities else body,
        actions=actions if "actions" in capabilities else [],
        urgency=notice.urgency,
        expire_ms=NEVER_MS if notice.stays else AS_THE_SERVER_LIKES_MS,
    )


def _line(text: str) -> str:
    """One line without what is not seen: control characters, and those that turn the writing round."""
    return _cut("".join(each for each in " ".join(text.split()) if each.isprintable()), _SUMMARY_CHARACTERS)


def _lines(text: str) -> str:
    lines = [line for line in map(_line, text.splitlines()) if line]
    more = ["…"] if len(lines) > _BODY_LINES else []
    return _cut("\n".join(lines[:_BODY_LINES] + more), _BODY_CHARACTERS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
