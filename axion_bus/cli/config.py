"""``axion-bus config show``: the settings in force and where they came from."""

from __future__ import annotations

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.config import load_with_origin
from axion_bus.config.keys import dotted
from axion_bus.config.show import plain, toml


@click.group("config")
@common_options
def command() -> None:
    """Show the configuration in force."""


@command.command("show", short_help="Print the settings in force, and where they came from.")
@common_options
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Print the settings in force as TOML, every default written out, secrets as references.

    The comments above them tell which file was read and which environment variables set a key.
    """
    settings, origin = load_with_origin(invocation.config)
    variables = {name: dotted(path) for path, name in origin.variables.items()}
    data = {"file": str(origin.file) if origin.file else None, "environment": variables, "settings": plain(settings)}
    comments = [f"# file: {origin.file or 'none, built-in defaults'}"]
    comments += [f"# environment: {name} sets {key}" for name, key in variables.items()]
    invocation.succeed(data, "\n".join([*comments, "", toml(settings).rstrip()]))
