"""``axion-bus silence add|list|expire``: keep alerts from opening incidents and paging people for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import by_option, cell, managing, succeed
from axion_bus.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

_COLUMNS = ("SilenceGuid", "State", "StartsAt", "EndsAt", "Matchers", "CreatedBy", "Comment")


@click.group("silence")
@common_options
def command() -> None:
    """Keep alerts from opening incidents for a time: they are recorded and counted, but page nobody."""


@command.command("add")
@click.argument("conditions", nargs=-1, required=True, metavar="CONDITION...")
@click.option("--for", "span", metavar="SPAN", help='How long: "30m", "2h", "1d".')
@click.option("--until", metavar="TIME", help="Until when, with its offset: 2026-01-31T22:00:00Z.")
@click.option("--from", "starts_at", metavar="TIME", help="From when on; without it, from now on.")
@click.option("--comment", default="", help="Why, for people.")
@by_option
@common_options
@click.pass_obj
def add(
    invocation: Invocation,
    *,
    conditions: Sequence[str],
    span: str | None,
    until: str | None,
    starts_at: str | None,
    comment: str,
    by: str,
) -> None:
    """Silence the alerts that every CONDITION fits, such as "package = BACKUP", and print the silence's guid."""
    if (span is None) is (until is None):
        raise click.UsageError("say how long: one of --for and --until")
    with managing(invocation) as manager:
        guid = manager.add_silence(conditions, span or until or "", comment, by, starts_at=starts_at)
    succeed(invocation, {"SilenceGuid": guid}, guid)


@command.command("list")
@click.option("--all", "expired", is_flag=True, help="Those that have ended, too.")
@common_options
@click.pass_obj
def list_(invocation: Invocation, *, expired: bool) -> None:
    """List the silences, those of the configuration first."""
    with managing(invocation) as manager:
        rows = manager.list_silences(expired=expired)
    succeed(invocation, rows, table([_shown(row) for row in rows], _COLUMNS, "no silence"))


@command.command("expire")
@click.argument("silence")
@by_option
@common_options
@click.pass_obj
def expire(invocation: Invocation, *, silence: str, by: str) -> None:
    """End SILENCE now: its guid, or the beginning of it. Alerts that fire still open their incidents within a second."""
    with managing(invocation) as manager:
        guid = manager.find_silence(silence)
        manager.expire_silence(guid, by)
    succeed(invocation, {"SilenceGuid": guid}, f"{guid} has ended")


def _shown(row: Row) -> Row:
    fault = f"({cell(row['Fault'])}) " if row["Fault"] else ""
    return {**row, "Matchers": " and ".join(row["Matchers"]), "Comment": f"{fault}{row['Comment']}"}
