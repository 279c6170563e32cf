"""Where the demo plays: a directory that one demo at a time has, a port that is free, and the configuration for both."""

from __future__ import annotations

import socket
import tomllib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from axion_bus.config import Settings, parse
from axion_bus.config.show import literal
from axion_bus.errors import AlreadyRunning, AxionError
from axion_bus.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from axion_bus.buses.embedded import EmbeddedBroker

USUAL_PORT = 1883
_MORE_PORTS = range(1884, 1984)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``directory`` is as it was named, for messages; ``port`` is the broker's, ``settings`` are what ``config_file`` says."""

    directory: Path
    port: int
    is_port_wanted: bool
    settings: Settings

    @property
    def config_file(self) -> Path:
        """For commands in a second terminal."""
        return self.directory / "demo.toml"

    @property
    def log_file(self) -> Path:
        """The daemon's log."""
        return self.directory / "demo.log"

    @property
    def database(self) -> Path:
        """The daemon's database."""
        return self.directory / "demo.db"


@contextmanager
def occupied(directory: Path) -> Iterator[None]:
    """Make ``directory`` and have it to ourselves while the body runs.

    Raises:
        AlreadyRunning: a demo runs in it.
        AxionError: it cannot be made or written.

    """
    with ExitStack() as stack:
        try:
            with _usable(directory):
                directory.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(str(directory / "demo.lock")))
        except AlreadyRunning as exc:
            text = f"a demo runs in {directory} already; end it first, or start this one in another --directory"
            raise AlreadyRunning(text) from exc
        yield


def open_log(stage: Stage) -> TextIO:
    """The log, empty. Raises AxionError."""
    with _usable(stage.directory):
        return stage.log_file.open("w")


def set_up(directory: Path, broker: EmbeddedBroker, wanted_port: int | None) -> Stage:
    """Choose the port, and write the configuration that the demo and a second terminal use.

    Raises:
        click.UsageError: the wanted port, or every usual one, is taken.
        ConfigError: the directory's name cannot stand in a configuration.
        AxionError: the configuration cannot be written.

    """
    port = _free_port(wanted_port)
    text = _configuration(directory.resolve() / "demo.db", broker, port)
    wanted = port == (wanted_port or USUAL_PORT)
    stage = Stage(directory=directory, port=port, is_port_wanted=wanted, settings=parse(tomllib.loads(text)))
    with _usable(directory):
        stage.config_file.write_text(text)
    return stage


@contextmanager
def _usable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise AxionError(f"{directory} cannot be used for a demo: {exc.strerror or exc}; choose another --directory") from exc


def _configuration(database: Path, broker: EmbeddedBroker, port: int) -> str:
    username = f"username = {literal(broker.username)}\n" if broker.username else ""
    return f"""\
# Written by "axion-bus demo" each time it starts.
[instance]
name = "demo"
[store]
url = {literal(f"sqlite:///{database}")}
[mqtt]
url = "mqtt://127.0.0.1:{port}"
protocol = {broker.protocol}
{username}[log]
format = "console"

# The story's alerts, each run's by themselves; every other alert meets the built-in rule.
[[rules]]
name = "story"
match = ["labels.story exists"]
group_by = ["package", "labels.story"]
auto_close = {{ on = "all_resolved", quiet = "15s" }}
"""


def _free_port(wanted: int | None) -> int:
    ports: tuple[int, ...] = (USUAL_PORT, *_MORE_PORTS) if wanted is None else (wanted,)
    port = next(filter(_is_free, ports), None)
    if port is None:
        what = f"port {wanted} is" if wanted else f"ports {USUAL_PORT} to {_MORE_PORTS[-1]} are"
        raise click.UsageError(f"{what} taken on 127.0.0.1; choose another one by --port")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as a broker does: what was closed lately is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
