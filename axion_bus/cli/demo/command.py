"""The command line of ``axion-bus demo``; what it starts is imported when it does."""

from __future__ import annotations

from pathlib import Path

import click

from axion_bus.cli.invocation import Invocation, common_options


@click.command("demo")
@click.option("--port", type=click.IntRange(1, 65_535), help="The broker's port. Default: 1883, or the next free one.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var"),
    show_default=True,
    help="Where the database, the log and the broker's store are kept.",
)
@click.option("--no-story", is_flag=True, help="Publish nothing: wait for what you publish.")
@click.option("--broker", type=click.Choice(["mosquitto", "amqtt"]), help="Which broker. Default: mosquitto if it is installed.")
@common_options
@click.pass_obj
def command(invocation: Invocation, *, port: int | None, directory: Path, no_story: bool, broker: str | None) -> None:
    """Look at axion-bus at work: a broker, a database and the daemon in one place, and a short story told over MQTT.

    It needs no configuration, and leaves nothing running. Incidents are kept in the directory.
    """
    if invocation.config is not None:
        raise click.UsageError("the demo has a configuration of its own; with yours: axion-bus run")
    from axion_bus.cli.demo.play import play  # noqa: PLC0415 - --help needs no daemon

    play(directory, port=port, broker=broker, has_story=not no_story)
