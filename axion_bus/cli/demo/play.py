"""The demo's life: a broker, the daemon on it, a screen and a story beside it, until ctrl-c, SIGTERM or the terminal's end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import redirect_stderr, suppress
from typing import TYPE_CHECKING

from axion_bus import daemon
from axion_bus.buses import embedded
from axion_bus.cli.demo import story
from axion_bus.cli.demo.screen import say
from axion_bus.cli.demo.stage import Stage, occupied, open_log, set_up
from axion_bus.cli.demo.watch import Watcher, watching
from axion_bus.cli.demo.welcome import introduction
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from pathlib import Path

    from axion_bus.buses.embedded import EmbeddedBroker
    from axion_bus.config import Settings

_THE_END = "\nThat was the story; its incident closes by itself after 15 s of quiet. Your turn: what you publish is shown here.\n"


def play(directory: Path, *, port: int | None, broker: str | None, has_story: bool) -> None:
    """The whole demo; returns when somebody has ended it. Raises the AxionError of what failed."""
    with occupied(directory):
        chosen = embedded.choose(broker)
        stage = set_up(directory, chosen, port)
        with open_log(stage) as log, redirect_stderr(log), suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_play(stage, chosen, has_story=has_story))
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
            introduced = asyncio.Event()
            beside = [
                group.create_task(running.watch(), name="broker"),
                group.create_task(_show(stage, broker, watcher, introduced), name="screen"),
            ]
            if has_story:
                beside.append(group.create_task(_tell(stage, introduced), name="story"))
            await daemon.run(stage.settings, reload=lambda: _end(stage.settings))
            for task in beside:
                task.cancel()
    except BaseExceptionGroup as failed:
        raise (failed.subgroup(AxionError) or failed).exceptions[0] from None


async def _show(stage: Stage, broker: EmbeddedBroker, watcher: Watcher, introduced: asyncio.Event) -> None:
    """The introduction, then what happens."""
    await watcher.online()
    say(introduction(stage, broker, kept=await watcher.open_incidents()))
    introduced.set()
    await watcher.show()


async def _tell(stage: Stage, introduced: asyncio.Event) -> None:
    """The story, then that it is the reader's turn."""
    await introduced.wait()
    await story.tell(stage.settings.mqtt)
    say(_THE_END)


def _end(settings: Settings) -> Settings:
    """What SIGHUP is to a demo: its terminal was closed."""
    signal.raise_signal(signal.SIGTERM)
    return settings
