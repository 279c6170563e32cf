"""docs/dbus.md is true: its session runs as it is printed, on a private bus in the place of the system's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib

import pytest

from axion_bus.config import parse
from tests.chaos.scene import start_hearing
from tests.readme import README, blocks, masked, steps
from tests.servers import DbusDaemon, wait_until

PAGE = README.parent / "docs" / "dbus.md"
_END = "--- that was it ---"
_PATIENCE_S = 20.0


class Terminal:
    """A shell that a session is typed into."""

    def __init__(self, environment):
        self._shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )

    def type(self, command):
        """What is shown for ``command``."""
        self._shell.stdin.write(f"{command}\necho '{_END}'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{_END}\n"))

    def follow(self, step):
        """What is shown for a step; again where it only looks, until it is what the page says or it took too long."""
        is_question = any(word in step.command for word in (" tree ", " get-property ", ".ListIncidents "))
        deadline = time.monotonic() + _PATIENCE_S
        shown = self.type(step.command)
        while is_question and masked(shown) != masked(step.shown) and time.monotonic() < deadline:
            shown = self.type(step.command)
        return shown

    def close(self):
        self._shell.stdin.close()
        self._shell.wait(30)
        self._shell.stdout.close()


@pytest.fixture
def environment(tmp_path, sqlite_url, broker, make_daemon):
    """What a shell needs to find the bus, on which the daemon is."""
    with DbusDaemon(tmp_path) as bus:
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        more = blocks("toml", PAGE)[0]
        daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=more, environment=environment))
        wait_until(lambda: daemon.logged("dbus_connected"), "the daemon is on the bus")
        yield environment


def test_the_session_shows_what_the_page_says(environment):
    terminal = Terminal(environment)
    try:
        seen = [(step.command, masked(terminal.follow(step))) for step in steps(PAGE)]
    finally:
        terminal.close()

    assert [(step.command, masked(step.shown)) for step in steps(PAGE)] == seen


def test_the_python_of_the_page_runs(environment):
    (script,) = blocks("python", PAGE)

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )

    assert "alert <guid>\n" == masked(done.stdout), done.stderr


def test_the_configurations_of_the_page_are_valid():
    found = [parse(tomllib.loads(text)) for text in blocks("toml", PAGE)]

    assert ["system", "system"] == [each.dbus.bus for each in found]
    assert (0, 1000) == found[1].dbus.users_of("submit")
