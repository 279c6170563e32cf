"""The demo's life: a broker, the daemon on it, a screen and a story beside it, until ctrl-c, SIGTERM or the terminal's end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from axion_bus import daemon
from axion_bus.buses import embedded
from axion_bus.cli.demo import story
from axion_bus.cli.demo.screen import say
from axion_bus.cli.demo.stage import USUAL_PORT, Stage, occupied, open_log, set_up
from axion_bus.cli.demo.watch import Watcher, watching
from axion_bus.cli.demo.welcome import introduction
from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from axion_bus.buses.embedded import EmbeddedBroker
    from axion_bus.config import Settings

_THE_END = "\nThat was the story; its incident closes by itself after 15 s of quiet. Your turn: what you publish is shown here.\n"


@click.command("demo")
@click.option("--port", type=click.IntRange(1, 65_535), help=f"The broker's port. Default: {USUAL_PORT}, or the next free one.")
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
    with occupied(directory):
        chosen = embedded.choose(broker)
        stage = set_up(directory, chosen, port)
        with open_log(stage) as log, redirect_stderr(log), suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_play(stage, chosen, has_story=not no_story))
        say(f"\nended; the incidents are kept in {stage.database}")


async def _play(stage: Stage, broker: EmbeddedBroker, *, has_story: bool) -> None:
    """Everything, until a signal ends the daemon. Raises the error of what failed."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)  # until the daemon's own
    try:
        async with (
            broker.running(stage.directory, stage.port) as running,
            watching(stage.settings) as watcher,
            asyncio.TaskGroup() as group,
        ):
            beside = [
                group.create_task(running.watch(), name="broker"),
                group.create_task(_show(stage, broker, watcher), name="screen"),
            ]
            if has_story:
                beside.append(group.create_task(_tell(stage, watcher), name="story"))
            await daemon.run(stage.settings, reload=lambda: _end(stage.settings))
            for task in beside:
                task.cancel()
    except BaseExceptionGroup as failed:
        raise (failed.subgroup(AxionError) or failed).exceptions[0] from None


async def _show(stage: Stage, broker: EmbeddedBroker, watcher: Watcher) -> None:
    """The introduction, then what happens."""
    await watcher.online()
    say(introduction(stage, broker, kept=await watcher.open_incidents()))
    await watcher.show()


async def _tell(stage: Stage, watcher: Watcher) -> None:
    """The story, then that it is the reader's turn."""
    await watcher.online()
    await story.tell(stage.settings.mqtt)
    say(_THE_END)


def _end(settings: Settings) -> Settings:
    """What SIGHUP is to a demo: its terminal was closed."""
    signal.raise_signal(signal.SIGTERM)
    return settings
