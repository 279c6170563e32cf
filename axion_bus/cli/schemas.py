"""``axion-bus schema NAME``: what is on the bus, for other programs, as JSON Schema or AsyncAPI."""

from __future__ import annotations

import click

from axion_bus.cli.invocation import Invocation, common_options

NAMES = ("asyncapi", "alert", "event", "command")


@click.command("schema")
@click.argument("name", type=click.Choice(NAMES))
@common_options
@click.pass_context
def command(ctx: click.Context, name: str) -> None:
    """Print the JSON Schema of an alert, an event or a command, or the AsyncAPI document of all topics."""
    from axion_bus.schemas import DOCUMENTS, text  # noqa: PLC0415 - what completes this command need not load them

    document = DOCUMENTS[name]()
    ctx.ensure_object(Invocation).succeed(document, text(document))
