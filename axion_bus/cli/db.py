"""``axion-bus db upgrade|status``: the database's schema."""

from __future__ import annotations

import click

from axion_bus.cli.invocation import Invocation, common_options


@click.group("db")
@common_options
def command() -> None:
    """Upgrade the database's schema, or show its state."""


@command.command("upgrade")
@common_options
@click.pass_obj
def upgrade(invocation: Invocation) -> None:
    """Bring the database to this program's schema; a new one is set up. Stop the daemons of an older version first."""
    from axion_bus.cli import schema  # noqa: PLC0415 - --help needs no database library
    from axion_bus.config import load  # noqa: PLC0415 - the same

    store = load(invocation.config).store
    before = schema.upgrade(store)
    if before.is_current:
        text = f"{store.url} has schema {before.found} already"
    else:
        text = f"{store.url} now has schema {before.wanted}; it had {before.found or 'none'}"
    invocation.succeed({"store": str(store.url), "before": before.found, "now": before.wanted}, text)


@command.command("status")
@common_options
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Show which schema the database has and which one this program needs. Changes nothing."""
    from axion_bus.cli import schema  # noqa: PLC0415 - --help needs no database library
    from axion_bus.config import load  # noqa: PLC0415 - the same

    store = load(invocation.config).store
    found = schema.status(store)
    if found.is_current:
        verdict = "current"
    elif found.is_newer:
        verdict = f"newer than this program, which knows up to {found.wanted}"
    else:
        verdict = f"this program needs {found.wanted}: run 'axion-bus db upgrade'"
    data = {"store": str(store.url), "found": found.found, "wanted": found.wanted, "current": found.is_current}
    invocation.succeed(data, f"{store.url}: schema {found.found or 'none'}, {verdict}")
