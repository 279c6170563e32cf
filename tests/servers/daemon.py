"""The daemon itself as a process of its own, started as a user or systemd would, ready when it says so on its NOTIFY_SOCKET."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import tomllib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.servers.process import Process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def configuration(
    *,
    store: str,
    broker: str,
    instance: str = "test",
    base_topic: str = "axion",
    client_id: str | None = None,
    mqtt: str = "",
    more: str = "",
) -> str:
    """The text of a configuration file.

    ``store`` and ``broker`` are URLs; ``mqtt`` are more lines of the [mqtt] section, ``more`` more sections.
    """
    quoted = {
        "instance": instance,
        "store": store,
        "broker": broker,
        "base_topic": base_topic,
        "client_id": client_id or f"axion-bus-{instance}-{base_topic.replace('/', '-')}",
    }
    # a JSON string is a TOML basic string
    text = {name: json.dumps(value) for name, value in quoted.items()}
    return f"""\
[instance]
name = {text["instance"]}
[store]
url = {text["store"]}
[mqtt]
url = {text["broker"]}
base_topic = {text["base_topic"]}
client_id = {text["client_id"]}
{mqtt}
{more}
"""


_HELD = re.compile(r"(\d+) messages held")


class Daemon(Process):
    """``axion-bus run`` with the configuration text ``config``; what it logs goes to the process's log file.

    ``notifications`` has every datagram that it sent to its service manager, over all its runs. Ready means READY=1: configuration
    read, store open; the broker may be away. ``under`` is a command that starts the next runs; its process must
    become the daemon.
    """

    name = "axion-bus"

    def __init__(
        self,
        directory: Path,
        config: str,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        name: str = "axion-bus",
    ) -> None:
        self.name = name
        super().__init__(directory)
        self.config_file = directory / f"{name}.toml"
        self.config_file.write_text(config)
        self.client_id: str = tomllib.loads(config)["mqtt"]["client_id"]
        self.under: Sequence[str] = ()
        self.notifications: list[str] = []
        self._environment = environment or {}
        self._arguments = arguments
        self._manager: _ServiceManager | None = None

    def command(self) -> Sequence[str]:
        """The module, so that it is the code of this tree in whatever interpreter runs the tests."""
        return *self.under, sys.executable, "-m", "axion_bus", "run", "--config", str(self.config_file), *self._arguments

    def environment(self) -> Mapping[str, str]:
        """Its NOTIFY_SOCKET, and what the test gives it."""
        assert self._manager is not None
        return {"NOTIFY_SOCKET": self._manager.address, "RUNTIME_DIRECTORY": str(self.directory), **self._environment}

    def spawn(self) -> Self:
        """Start it without waiting for READY=1."""
        self._manager = _ServiceManager(self.notifications)
        return super().spawn()

    def is_ready(self) -> bool:
        """Whether this run said READY=1."""
        return self._manager is not None and self._manager.is_ready

    @property
    def held(self) -> int:
        """How many messages it has that it has not acknowledged, as it said last; it looks once a second."""
        said = [found[1] for text in self.notifications if (found := _HELD.search(text))]
        return int(said[-1]) if said else 0

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log, over all its runs, that tell of ``event``."""
        lines = self.log.read_text(errors="backslashreplace").splitlines() if self.log.exists() else []
        return [line for line in map(_fields, lines) if line.get("event") == event]

    def memory_kib(self, field: str = "VmHWM") -> int:
        """A line of /proc/<pid>/status: VmRSS is the memory now, VmHWM the most so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))

    def _ended(self, code: int) -> int:
        if self._manager is not None:
            self._manager.close()
            self._manager = None
        return super()._ended(code)


def _fields(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:  # something else that it printed, or a line that a kill cut off
        return {}


class _ServiceManager:
    """The other end of one run's NOTIFY_SOCKET. A thread empties it: a full datagram socket would block the daemon."""

    def __init__(self, notifications: list[str]) -> None:
        self.is_ready = False
        self._notifications = notifications
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"axion-test-{uuid.uuid4().hex}"
        self.address = f"@{name}"
        self._socket.bind(f"\0{name}")
        self._thread = threading.Thread(target=self._read, name="notify-socket", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while datagram := self._socket.recv(65536):
            text = datagram.decode()
            self._notifications.append(text)
            self.is_ready = self.is_ready or "READY=1" in text.splitlines()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread after what is still queued
        self._thread.join()
        self._socket.close()
