"""``axion-bus completion bash|zsh|fish``: what a shell has to be told to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from axion_bus.cli.invocation import Invocation, common_options


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL: put it where SHELL looks for one, or eval it in its start-up file."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"nothing is known of the shell {shell}")
    script = kind(ctx.find_root().command, {}, "axion-bus", "_AXION_BUS_COMPLETE").source()
    ctx.ensure_object(Invocation).succeed({"shell": shell, "script": script}, script.rstrip("\n"))
