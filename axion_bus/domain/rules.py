"""Rules: which alerts they match, what they group by, and when they open, reopen and close incidents.

Texts of the configuration are compiled here once (ValueError says what is wrong with one); matching is then a call.
Our own compiled matchers, because a rule runs for every alert: 40 times faster than a JMESPath expression, and explainable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import attrgetter
from string import Formatter
from typing import TYPE_CHECKING

from axion_bus.domain.alert import AlertStatus, Severity, digest
from axion_bus.domain.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from axion_bus.domain.alert import Alert

ALERT_FIELDS = ("title", "source", "package", "severity", "status", "description", "dedup_key")
_CHANGING_FIELDS = frozenset({"severity", "status", "description"})
_CLAUSE = re.compile(
    r"""\s* ([A-Za-z_][\w.\-/]*)                                               # field
        \s* ((?:=~|!~|!=|>=|=|>) (?![=~<>!]) | (?<=\s) (?:in|exists) \b)       # operator, and not a longer one such as ==
        \s* (.*?) \s*                                                          # value""",
    re.DOTALL | re.VERBOSE,
)
_ITEM = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,]*?)\s*(?:,|$)""")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an alert that a rule looks at: one of ALERT_FIELDS, or ``labels.<name>``."""

    text: str
    read: Callable[[Alert], str | None] = field(compare=False, repr=False)

    @property
    def label(self) -> str | None:
        """The label's name, if it is a label."""
        return self.text.removeprefix("labels.") if self.text.startswith("labels.") else None


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on an alert. A label that is absent compares as an empty one; ``exists`` tells them apart.

    ``is_passing``: it looks at what may be different when the same alert comes again (severity, status, description).
    """

    text: str
    test: Callable[[Alert], bool] = field(compare=False, repr=False)
    is_passing: bool = False


@dataclass(frozen=True, slots=True)
class TitleTemplate:
    """An incident title with placeholders; values are put in as they are and never expanded again."""

    text: str
    parts: tuple[str | Field, ...] = field(compare=False, repr=False)

    def render(self, alert: Alert) -> str:
        """The title for ``alert``; an absent value is empty."""
        return "".join(part if isinstance(part, str) else part.read(alert) or "" for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How the alerts that match become incidents.

    ``auto_close_after`` None: closing is a person's act; else the quiet time in MONITORING. ``reopen_within`` None: never.
    """

    name: str
    group_by: tuple[Field, ...]
    matchers: tuple[Matcher, ...] = ()
    create_at: Severity = Severity.HIGH
    title: TitleTemplate | None = None
    assign_to: str | None = None
    auto_close_after: timedelta | None = None
    reopen_within: timedelta | None = None
    labels: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _lasting: tuple[Matcher, ...] = field(init=False, repr=False, compare=False)
    _passing: tuple[Matcher, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort out once what is asked for every alert: the labels grouped by, and the two kinds of matchers."""
        object.__setattr__(self, "labels", tuple(part.label for part in self.group_by if part.label is not None))
        object.__setattr__(self, "_lasting", tuple(matcher for matcher in self.matchers if not matcher.is_passing))
        object.__setattr__(self, "_passing", tuple(matcher for matcher in self.matchers if matcher.is_passing))

    @property
    def can_pass(self) -> bool:
        """Whether an alert that matches now may not match when it comes again."""
        return bool(self._passing)

    def may_match(self, alert: Alert) -> bool:
        """Whether ``alert`` matches at some severity, status and description."""
        return not self._lasting or all(matcher.test(alert) for matcher in self._lasting)

    def matches_now(self, alert: Alert) -> bool:
        """Whether an alert that ``may_match`` matches as it is."""
        return not self._passing or all(matcher.test(alert) for matcher in self._passing)

    def correlation_key(self, alert: Alert) -> str:
        """The key under which at most one incident is open."""
        return digest("incident", (self.name, *(part.read(alert) for part in self.group_by)))


def parse_field(text: str) -> Field:
    """The field named ``text``. Raises ValueError that names the known ones."""
    if text == "severity":
        return Field(text, lambda alert: alert.severity.name)
    if text == "status":
        return Field(text, lambda alert: alert.status.value.lower())
    if text in ALERT_FIELDS:
        return Field(text, attrgetter(text))
    name = text.removeprefix("labels.")
    if name and name != text:
        return Field(text, lambda alert: alert.labels.get(name))
    raise ValueError(f"{text!r} is not a field of an alert; known: {', '.join(ALERT_FIELDS)}, labels.<name>")


def parse_matcher(text: str) -> Matcher:
    """The condition written as ``text``.

    ``package = DATABASE``, ``severity >= MEDIUM``, ``labels.env != test``, ``source =~ web-.*`` (anchored), ``package in (A, B)``,
    ``labels.team exists``.

    Raises:
        ValueError: it cannot be read; the message says what is allowed.

    """
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a condition; write: field operator value, with = != =~ !~ in > >= exists")
    name, operator, operand = found.groups()
    part = parse_field(name)
    is_passing = part.text in _CHANGING_FIELDS
    match part.text:
        case "severity":
            return Matcher(text, _severity_test(operator, operand), is_passing)
        case "status":
            return Matcher(text, _status_test(operator, operand), is_passing)
        case _:
            return Matcher(text, _text_test(part.read, operator, operand), is_passing)


def parse_title(text: str) -> TitleTemplate:
    """The template written as ``text``; placeholders are ``{field}`` with an alert's fields, and nothing else.

    Raises:
        ValueError: an unknown placeholder, an attribute or index access, a conversion or a format spec.

    """
    parts: list[str | Field] = []
    for literal, name, spec, conversion in Formatter().parse(text):
        if literal:
            parts.append(literal)
        if name is None:
            continue
        if spec or conversion or "[" in name:
            raise ValueError(f"placeholder {{{name}}} must stand alone, without '!', ':' or '['")
        parts.append(parse_field(name))
    return TitleTemplate(text, tuple(parts))


def choose(rules: Iterable[Rule], alert: Alert) -> tuple[Rule, tuple[str, ...]]:
    """The first rule that matches, and the names of the labels that tell ``alert`` from others of its title, sorted.

    Those are the labels of every rule that would have been the first at another severity, status or description: an alert that
    gets worse, or its resolve (which often has no severity), may match another rule and is the same alert still.

    Raises:
        LookupError: none matches; the last of ``rules`` must be a catch-all such as ``default_rule``.

    """
    chosen: Rule | None = None
    labels: set[str] = set()
    for rule in rules:
        if rule.may_match(alert):
            labels.update(rule.labels)
            if chosen is None and rule.matches_now(alert):
                chosen = rule
            if not rule.can_pass:
                break
    if chosen is None:
        raise LookupError("no rule matches; the last one must match every alert")
    return chosen, tuple(sorted(labels))


def default_rule(create_at: Severity = Severity.HIGH) -> Rule:
    """The rule for alerts that no other rule matches: one incident for each (package, title), whatever the source."""
    return Rule(name="default", group_by=(parse_field("package"), parse_field("title")), create_at=create_at)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _items(operand: str) -> frozenset[str]:
    if operand.startswith("(") is not operand.endswith(")"):
        raise ValueError(f"{operand!r} has one parenthesis only: field in (A, B)")
    inner = operand[1:-1] if operand.startswith("(") else operand
    items = frozenset(_unquoted(item) for item in _ITEM.findall(inner) if item)
    if not items:
        raise ValueError("'in' needs at least one value: field in (A, B)")
    return items


def _text_test(read: Callable[[Alert], str | None], operator: str, operand: str) -> Callable[[Alert], bool]:
    if operator == "exists":
        if operand:
            raise ValueError(f"'exists' takes no value, found {operand!r}")
        return lambda alert: read(alert) is not None
    if not operand:
        raise ValueError(f"operator {operator} needs a value")
    value = _unquoted(operand)
    match operator:
        case "=":
            return lambda alert: (read(alert) or "") == value
        case "!=":
            return lambda alert: (read(alert) or "") != value
        case "in":
            items = _items(operand)
            return lambda alert: (read(alert) or "") in items
        case "=~" | "!~":
            is_match, wanted = compile_pattern(value), operator == "=~"
            return lambda alert: is_match(read(alert) or "") is wanted
        case _:
            raise ValueError(f"operator {operator} compares severities only")


def _status(text: str) -> AlertStatus:
    try:
        return AlertStatus[_unquoted(text).upper()]
    except KeyError:
        raise ValueError(f"{text!r} is not a status; allowed: {', '.join(status.lower() for status in AlertStatus)}") from None


def _status_test(operator: str, operand: str) -> Callable[[Alert], bool]:
    match operator:
        case "=":
            value = _status(operand)
            return lambda alert: alert.status is value
        case "!=":
            value = _status(operand)
            return lambda alert: alert.status is not value
        case _:
            raise ValueError(f"operator {operator} does not fit status; allowed: = !=")


def _severity(text: str) -> Severity:
    try:
        return Severity[_unquoted(text).upper()]
    except KeyError:
        raise ValueError(f"{text!r} is not a severity; allowed: {', '.join(Severity.__members__)}") from None


def _severity_test(operator: str, operand: str) -> Callable[[Alert], bool]:
    match operator:
        case "=":
            value = _severity(operand)
            return lambda alert: alert.severity is value
        case "!=":
            value = _severity(operand)
            return lambda alert: alert.severity is not value
        case ">":
            value = _severity(operand)
            return lambda alert: alert.severity > value
        case ">=":
            value = _severity(operand)
            return lambda alert: alert.severity >= value
        case "in":
            values = frozenset(_severity(item) for item in _items(operand))
            return lambda alert: alert.severity in values
        case _:
            raise ValueError(f"operator {operator} does not fit severity; allowed: = != > >= in")
