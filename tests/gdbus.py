"""Talking to the service as people do at a shell: gdbus, on a private bus."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.process import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "org.axion.Bus1"
ROOT = "/org/axion/Bus1"
MANAGER = f"{NAME}.Manager"


@dataclass(frozen=True, slots=True)
class Said:
    """What a program printed, without the last line's end."""

    code: int
    out: str
    err: str


class Gdbus:
    """gdbus on the bus at ``address``."""

    def __init__(self, address: str) -> None:
        self.environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address}
        self._program = find_program("gdbus", "libglib2.0-bin")

    def call(self, method: str, *arguments: str, path: str = ROOT) -> Said:
        """Call a method of the manager, or one with its interface's name before it."""
        name = method if "." in method else f"{MANAGER}.{method}"
        return self._run(self._command("call", name, arguments, path))

    @contextmanager
    def calling(self, method: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The same, while it waits for its answer."""
        command = self._command("call", f"{MANAGER}.{method}", arguments, ROOT)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment) as process:
            try:
                yield process
            finally:
                process.kill()

    def introspect(self, path: str) -> str:
        """What an object says that it is, as XML."""
        return self._run([self._program, "introspect", "--session", "--dest", NAME, "--object-path", path, "--xml"]).out

    def _command(self, verb: str, method: str, arguments: Sequence[str], path: str) -> list[str]:
        return [self._program, verb, "--session", "--dest", NAME, "--object-path", path, "--method", method, *arguments]

    def _run(self, command: Sequence[str]) -> Said:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=self.environment)
        return Said(done.returncode, done.stdout.strip(), done.stderr.strip())


def given(said: Said) -> str:
    """The one text that a call gave back."""
    assert said.code == 0, said
    return said.out[2:-3]
