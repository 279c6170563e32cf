"""``axion-bus watch``: the open incidents, drawn again as they change; without a terminal, one line for each change.

It asks the database, as every verb does, so that it works wherever they do.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click
from pydantic_core import to_json

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import cell, managing
from axion_bus.cli.tables import rich_table
from axion_bus.domain.alert import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axion_bus.sync import IncidentManager

Row = dict[str, Any]

_COLUMNS = ("Severity", "Status", "Package", "Title", "AssignedTo", "UpdatedAt", "IncidentGuid")
_OPEN = ("CREATED", "INVESTIGATING", "MONITORING")
_severity = click.Choice([each.name for each in reversed(Severity)], case_sensitive=False)


@click.command("watch")
@click.option("--severity", type=_severity, help="Only incidents of this severity.")
@click.option("--package", help="Only incidents of one package.")
@click.option(
    "--every", "every_s", type=click.FloatRange(0.2, 3600), default=1.0, show_default=True, help="Seconds between two looks."
)
@common_options
@click.pass_obj
def command(invocation: Invocation, *, severity: str | None, package: str | None, every_s: float) -> None:
    """Show the open incidents until ctrl-c, as they change. --json: one object for each change."""
    with managing(invocation) as manager:
        looks = _looks(manager, every_s, severity=severity, package=package)
        if sys.stdout.isatty() and not invocation.as_json:
            _draw(looks)
        else:
            _tell(looks, as_json=invocation.as_json)


def _looks(manager: IncidentManager, every_s: float, **wanted: Any) -> Iterator[list[Row]]:
    """The open incidents, the worst first, again and again."""
    while True:
        rows = [row for status in _OPEN for row in manager.list_incidents(status=status, limit=1000, **wanted)]
        yield sorted(rows, key=lambda row: (-Severity[row["Severity"]], row["CreatedAt"]))
        time.sleep(every_s)


def _draw(looks: Iterator[list[Row]]) -> None:
    from rich.console import Group  # noqa: PLC0415 - only where there is a terminal
    from rich.live import Live  # noqa: PLC0415 - the same

    try:
        with Live(screen=False, auto_refresh=False) as live:
            for rows in looks:
                line = f"{len(rows)} open incidents, {time.strftime('%H:%M:%S')}   (ctrl-c ends)"
                live.update(Group(line, rich_table(rows, _COLUMNS)), refresh=True)
    except KeyboardInterrupt:
        return


def _tell(looks: Iterator[list[Row]], *, as_json: bool) -> None:
    known: dict[str, Row] = {}
    try:
        for rows in looks:
            now = {row["IncidentGuid"]: row for row in rows}
            for guid, row in now.items():
                if guid not in known or known[guid]["Version"] != row["Version"]:
                    _print("open" if guid not in known else "changed", row, as_json=as_json)
            for guid in known.keys() - now.keys():
                _print("gone", known[guid], as_json=as_json)
            known = now
    except KeyboardInterrupt:
        return


def _print(what: str, row: Row, *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json({"change": what, "incident": row}))
    else:
        click.echo(
            f"{what:<8}{row['IncidentGuid']}  {row['Severity']} {row['Status']}  {cell(row['Package'])}  {cell(row['Title'])}"
        )
