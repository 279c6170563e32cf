"""What every private server is: one process of ours with a log file, started, ended, frozen and started again.

Subclasses say how to start it and when it is ready. Nothing here knows MQTT, SQL or the daemon.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

T = TypeVar("T")

RUNNING: list[Process] = []
"""The servers that run now; conftest adds the tails of their logs to a failed test's report."""


class MissingProgram(Exception):
    """A program that the tests need is not installed; the message has the line that installs it."""


class ServerFailed(Exception):
    """A server ended by itself or was not ready in time; the message has the tail of its log."""


class Process(ABC):
    """One server process. ``directory`` is its own; the log of all its runs is ``<directory>/<name>.log``."""

    name = "process"
    start_timeout_s = 30.0
    stop_timeout_s = 30.0

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / f"{self.name}.log"
        self._popen: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments."""

    def environment(self) -> Mapping[str, str]:
        """What the process gets beside our own environment."""
        return {}

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it can be used; asked again and again after the start."""

    @property
    def pid(self) -> int:
        """The process id of the present run."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def spawn(self) -> Self:
        """Start it without waiting until it is ready."""
        if self.is_running:
            raise RuntimeError(f"{self.name} is running already, pid {self.pid}")
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        RUNNING.append(self)
        return self

    def start(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            ServerFailed: it ended, or was not ready within ``start_timeout_s``.

        """
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Wait until it is ready. Raises ServerFailed with the tail of its log when it does not come to that."""
        deadline = time.monotonic() + self.start_timeout_s
        while not self.is_ready():
            if not self.is_running:
                raise ServerFailed(f"{self.name} ended with {self._process.returncode} before it was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} was not ready within {self.start_timeout_s:g} s:\n{self.tail()}")
            time.sleep(0.01)

    def stop(self) -> int:
        """End it in order (SIGTERM); returns its exit code. Raises ServerFailed when it does not end in time."""
        process = self._process
        process.send_signal(signal.SIGTERM)
        try:
            return self._ended(process.wait(self.stop_timeout_s))
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"{self.name} did not end within {self.stop_timeout_s:g} s of SIGTERM:\n{self.tail()}") from None

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._process.kill()
        self._ended(self._process.wait())

    def wait(self, timeout_s: float = 30.0) -> int:
        """Wait until it ends by itself; returns its exit code."""
        return self._ended(self._process.wait(timeout_s))

    def restart(self) -> Self:
        """Stop it in order and start it again."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay open and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._process.send_signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send it ``number``."""
        self._process.send_signal(number)

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="backslashreplace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if self.is_running:
            self.resume()
            self.stop()

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        if self._popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._popen

    def _ended(self, code: int) -> int:
        if self in RUNNING:
            RUNNING.remove(self)
        return code


def find_program(name: str, package: str) -> str:
    """Where ``name`` is, /usr/sbin included. Raises MissingProgram with the line that installs ``package``."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        raise MissingProgram(f"the program {name} is needed and was not found; install it: apt-get install -y {package}")
    return found


def free_port() -> int:
    """A free loopback port below the ephemeral range.

    Not an ephemeral one: while its server is down for a restart, a client that keeps trying could be given that very port for
    its own end, and so take it away or connect to itself. For the same reason processes that run tests side by side do not share
    ports.
    """
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    workers, worker = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    ports = range(10_000 + int(worker.removeprefix("gw")), first_ephemeral, workers)
    for _ in range(1000):
        port = random.choice(ports)
        if not can_connect(port) and _can_bind(port):
            return port
    raise RuntimeError(f"no free port found between 10000 and {first_ephemeral}")


def can_connect(port: int) -> bool:
    """Whether something on loopback takes connections at ``port``."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], timeout_s: float = 30.0, every_s: float = 0.02) -> T:
    """Ask until ``condition`` holds; returns its value. Raises TimeoutError that says ``what`` did not come about."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what if isinstance(what, str) else what()}")
        time.sleep(every_s)
    return value
