"""``axion-bus desktop``: show open incidents in this session, with buttons that answer."""

from __future__ import annotations

import getpass

import click

from axion_bus.cli.invocation import Invocation, common_options


def _bus(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value in ("system", "session") or ":" in value:
        return value
    raise click.BadParameter(f'found {value}; allowed are system, session and an address such as "unix:path=/run/bus"')


@click.command("desktop")
@click.option("--bus", default="system", show_default=True, callback=_bus, help="The daemon's bus: system, session, or an address.")
@click.option("--by", help="In whose name to answer; without it, your login name.")
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="How many incidents to show at once.")
@common_options
@click.pass_obj
def command(invocation: Invocation, *, bus: str, by: str | None, limit: int) -> None:
    """Show the open incidents of a daemon as notifications of this session, until SIGTERM or ctrl-c. Logs go to stderr."""
    import asyncio  # noqa: PLC0415 - --help needs none of it

    from axion_bus.desktop.run import DesktopSettings, run  # noqa: PLC0415 - the same
    from axion_bus.systemd import configure_logging  # noqa: PLC0415 - the same

    configure_logging("DEBUG" if invocation.verbosity else "INFO")
    asyncio.run(run(DesktopSettings(bus=bus, user=by or getpass.getuser(), limit=limit)))
