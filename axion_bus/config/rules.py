"""``[correlation]`` and ``[[rules]]``: which alerts become which incidents.

The texts in a rule are compiled by ``domain.rules``, here and nowhere else; ``Settings.rules()`` hands out the result.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field

from axion_bus.config.section import Misfit, Section, refuse
from axion_bus.config.values import Allowed, ColumnText, Default, Duration, Name, Parsed, SeverityName
from axion_bus.domain import rules as domain
from axion_bus.domain.alert import Severity

T = TypeVar("T")

_DEFAULT = domain.default_rule()
_YEAR = timedelta(days=365)


def _compiling(parse: Callable[[str], T]) -> Callable[[object], T]:
    """The one place where a rule's texts are compiled."""

    def compile_text(text: object) -> T:
        if not isinstance(text, str) or not 0 < len(text) <= 1024:
            raise ValueError("not a text of 1 to 1024 characters")
        return parse(text)

    return compile_text


def _compiled(parse: Callable[[str], T]) -> Parsed:
    return Parsed(_compiling(parse))


parse_condition = _compiling(domain.parse_matcher)
"""A condition as it stands in a rule or a silence. Raises ValueError."""

Condition = Annotated[
    domain.Matcher,
    Parsed(parse_condition),
    Allowed('"field operator value", the operators being = != =~ !~ in > >= exists'),
]
AlertField = Annotated[domain.Field, _compiled(domain.parse_field), Allowed(f"{', '.join(domain.ALERT_FIELDS)} or labels.<name>")]
Title = Annotated[
    domain.TitleTemplate,
    _compiled(domain.parse_title),
    Allowed("a text with placeholders such as {title} or {labels.env}"),
]


class AutoClose(Section):
    """When an incident closes by itself."""

    on: Literal["all_resolved"] = Field("all_resolved", description="What has to happen first.")
    quiet: Duration = Field(
        timedelta(minutes=10), le=_YEAR, description="How long the incident has to stay in MONITORING after that."
    )


def _off_is_none(value: object) -> object:
    return None if value == "off" else value


class RuleTable(Section):
    """One rule; the first that matches an alert decides. After the last comes the built-in one, see `[correlation]`."""

    name: Name = Field(description="Its name; incidents and `explain` show it.")
    match: tuple[Condition, ...] = Field((), description="Conditions that all have to hold; with none, every alert matches.")
    group_by: tuple[AlertField, ...] = Field(
        _DEFAULT.group_by, description="Alerts that are equal in these fields belong to one incident."
    )
    create_at: Annotated[SeverityName | None, Default("`create_at` of `[correlation]`")] = Field(
        None, description="From which severity on an alert opens an incident."
    )
    title: Title | None = Field(None, description="The incident's title; without it, the title of its first alert.")
    assign_to: ColumnText | None = Field(None, description="Who a new incident is assigned to.")
    auto_close: Annotated[
        AutoClose | None, BeforeValidator(_off_is_none), Allowed('"off" or { on = "all_resolved", quiet = "10m" }')
    ] = Field(None, description="When its incidents close by themselves; `off`: only a person closes them.")
    reopen_within: Duration | None = Field(
        None,
        le=_YEAR,
        description="An alert that fires again so soon after closing reopens the incident; without it, it opens a new one.",
    )

    def compiled(self, create_at: Severity) -> domain.Rule:
        """The rule as the domain knows it; ``create_at`` is taken where it has none."""
        return domain.Rule(
            name=self.name,
            matchers=self.match,
            group_by=self.group_by,
            create_at=self.create_at or create_at,
            title=self.title,
            assign_to=self.assign_to,
            auto_close_after=self.auto_close.quiet if self.auto_close else None,
            reopen_within=self.reopen_within,
        )


def distinct(rules: tuple[RuleTable, ...]) -> tuple[RuleTable, ...]:
    """Refuse two rules of one name: it is part of the key under which at most one incident is open."""
    first: dict[str, str] = {_DEFAULT.name: "the built-in rule"}
    misfits = []
    for number, rule in enumerate(rules):
        taken = first.setdefault(rule.name, f"rules[{number}]")
        if taken != f"rules[{number}]":
            misfits.append(Misfit((number, "name"), f'found "{rule.name}", which is the name of {taken} too; choose another'))
    refuse(misfits)
    return rules


class Correlation(Section):
    """The built-in rule, for alerts that no `[[rules]]` matches: one incident for each package and title."""

    create_at: SeverityName = Field(Severity.HIGH, description="From which severity on an alert opens an incident.")
