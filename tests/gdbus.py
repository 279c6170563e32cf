"""Talking to the service as people do at a shell: gdbus and busctl, on a private bus."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.servers.process import find_program

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
        return self._run("call", "--session", "--dest", NAME, "--object-path", path, "--method", name, *arguments)

    def introspect(self, path: str) -> str:
        """What an object says that it is, as XML."""
        return self._run("introspect", "--session", "--dest", NAME, "--object-path", path, "--xml").out

    def _run(self, *arguments: str) -> Said:
        done = subprocess.run(
            [self._program, *arguments], capture_output=True, text=True, timeout=60, check=False, env=self.environment
        )
        return Said(done.returncode, done.stdout.strip(), done.stderr.strip())


def busctl(address: str, *arguments: str) -> Any:
    """What busctl gives back, read."""
    program = find_program("busctl", "systemd")
    command = [program, f"--address={address}", "--json=short", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
