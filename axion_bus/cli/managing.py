"""What the verbs about incidents share: the opened manager, short guids, who acts, and results as tables or JSON.

Only what decides nothing; a verb parses, calls the manager, prints.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from axion_bus.cli.invocation import Invocation
    from axion_bus.sync import IncidentManager

Row = dict[str, Any]

INCIDENT_COLUMNS = ("IncidentGuid", "Severity", "Status", "Package", "Title", "AssignedTo", "CreatedAt")


@contextmanager
def managing(invocation: Invocation) -> Iterator[IncidentManager]:
    """The incident manager on the configuration in force; closed at the end."""
    from axion_bus.config import load  # noqa: PLC0415 - --help needs neither a configuration
    from axion_bus.sync import IncidentManager  # noqa: PLC0415 - nor a database
    from axion_bus.systemd import configure_logging  # noqa: PLC0415 - nor a log

    settings = load(invocation.config)
    configure_logging(settings.log.level, style=settings.log.format)  # to stderr: stdout is for the result alone
    with IncidentManager(settings) as manager:
        yield manager


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--by``: who acts, as the timeline shows it; the user of this shell, if nobody else is named."""
    return click.option("--by", default=_user, show_default="your user name", help="Who does it, for the timeline.")(command)


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--expected-version``: refuse if somebody changed the incident meanwhile."""
    text = "Refuse if the incident is not at this version any more."
    return click.option("--expected-version", type=click.IntRange(min=1), metavar="N", help=text)(command)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container perhaps
        return "shell"


def succeed(invocation: Invocation, data: object, text: str) -> None:
    """Print ``data`` as JSON, times as RFC 3339, or ``text``."""
    invocation.succeed(to_jsonable_python(data), text)


def sheet(row: Row, names: Sequence[str]) -> str:
    """One thing, a line for each of its fields that has a value."""
    given = [(name, value) for name in names if (value := cell(row.get(name)))]
    width = max((len(name) for name, _ in given), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in given)


def cell(value: object) -> str:
    """``value`` on one line, without what would act on a terminal."""
    if value is None:
        return ""
    text = moment(value) if hasattr(value, "isoformat") else str(value)  # type: ignore[arg-type]
    return "".join(char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text)


def moment(value: datetime) -> str:
    """A time for people: UTC, to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S}Z"
