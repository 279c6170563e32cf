"""``axion-bus version``."""

from __future__ import annotations

import platform

import click

from axion_bus import __version__
from axion_bus.cli.invocation import Invocation, common_options


@click.command("version")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Print the version."""
    data = {"version": __version__, "python": platform.python_version()}
    invocation.succeed(data, f"axion-bus {__version__}")
