"""README.md is true: its session runs as it is printed, on servers of our own, and shows what it says.

Servers are found as a user's programs find them, by configuration files in the home directory. In the README's own text only paths
and ports are replaced.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from axion_bus.store.grants import NEEDED_GRANTS
from tests.readme import README, blocks, files_in, masked, steps
from tests.servers import Process, free_port, wait_until
from tests.servers.process import can_connect, find_program
from tests.system.test_demo import STORY

ROOT = README.parent
SQLITE = "AXION_BUS__STORE__URL=sqlite"


class StockMosquitto(Process):
    """A mosquitto without a configuration: local only, as Debian's package leaves it, on another port."""

    name = "mosquitto"

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()

    def command(self):
        return find_program("mosquitto", "mosquitto"), "-v", "-p", str(self.port)

    def is_ready(self):
        return can_connect(self.port)

    @property
    def subscriptions(self):
        """How many subscriptions it has confirmed."""
        return self.tail(10_000).count("Sending SUBACK to")


class Terminal:
    """A command in a terminal of its own, until ctrl-c."""

    def __init__(self, step, typed, **options):
        self.step = step
        self._leader, follower = pty.openpty()
        command = ["bash", "-c", typed]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, start_new_session=True, **options
        )
        os.close(follower)
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                self._seen += os.read(self._leader, 65_536)
            except OSError:  # EIO: everybody has left the terminal
                return

    @property
    def seen(self):
        return self._seen.decode().replace("\r\n", "\n")

    def close(self):
        """Ctrl-c."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(30)
        self._reader.join(30)
        os.close(self._leader)


class Desk:
    """Somebody who follows the README, with ``replacements`` in what it says."""

    def __init__(self, directory, broker, replacements, environment):
        self.terminals = []
        self._broker = broker
        self._replacements = replacements
        self._options = {"cwd": directory, "env": {**os.environ, **environment}}

    def follow(self, step):
        """Do one step. Raises TimeoutError when something else is seen than shown."""
        if step.stays:
            self._open(step)
        else:
            wait_until(lambda: self._type(step), lambda: f"{step.shown}\nafter {step.command}; seen:\n{self._last}", timeout_s=30)

    def _open(self, step):
        before = self._broker.subscriptions
        self.terminals.append(Terminal(step, self.replaced(step.command), **self._options))
        wait_until(lambda: self._broker.subscriptions > before, lambda: f"a subscription by {step.command}")

    def _type(self, step):
        """Type it; again and again where it only looks, because what it shows takes its time."""
        done = subprocess.run(
            ["bash", "-c", self.replaced(step.command)], capture_output=True, text=True, timeout=60, check=False, **self._options
        )
        self._last = done.stdout + done.stderr
        is_as_shown = (done.returncode, masked(self._last)) == (0, masked(self.replaced(step.shown)))
        looks = "SELECT" in step.command
        assert is_as_shown or looks, f"{step.command}\nended with {done.returncode} and said:\n{self._last}"
        return is_as_shown

    def sees_all(self):
        """Wait until each terminal shows what the README shows in it."""
        for each in self.terminals:
            shown = masked(self.replaced(each.step.shown))
            wait_until(lambda: masked(each.seen) == shown, lambda: f"{shown}\nby {each.step.command}; seen:\n{masked(each.seen)}")  # noqa: B023 - asked at once

    def close(self):
        """End what stays."""
        while self.terminals:
            self.terminals.pop().close()

    def replaced(self, text):
        for there, here in self._replacements.items():
            text = text.replace(there, here)
        return text


@pytest.fixture
def broker(tmp_path):
    with StockMosquitto(tmp_path) as server:
        yield server


@pytest.fixture
def desk(tmp_path, broker, mariadb):
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="home-")))  # a socket's path is short
        (home / ".config").mkdir()
        (home / ".my.cnf").write_text(f"[client]\nprotocol=tcp\nhost=127.0.0.1\nport={mariadb.port}\nuser=root\n")
        for program in ("mosquitto_pub", "mosquitto_sub"):
            (home / ".config" / program).write_text(f"-p {broker.port}\n")
        replacements = {
            "/etc/axion-bus": str(tmp_path / "etc"),
            "/tmp/axion-bus.db": str(tmp_path / "axion-bus.db"),
            "127.0.0.1:3306": f"127.0.0.1:{mariadb.port}",
            "127.0.0.1:1883": f"127.0.0.1:{broker.port}",
        }
        environment = {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AXION_BUS_CONFIG": str(tmp_path / "etc" / "axion-bus.toml"),
            "CREDENTIALS_DIRECTORY": str(tmp_path / "etc" / "credentials"),  # where root finds them by itself
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        desk = Desk(tmp_path, broker, replacements, environment)
        stack.callback(desk.close)
        yield desk


def session():
    return [step for step in steps() if SQLITE not in step.command]


def test_the_session_runs_and_shows_what_the_readme_says(desk):
    for step in session():
        if step.command == "axion-bus db upgrade":  # of which it says: stop the daemons
            desk.sees_all()
            desk.close()
        desk.follow(step)

    assert desk.terminals == []


def test_the_one_line_without_a_database_server_does_the_same(desk, broker, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "axion-bus.toml").write_text(
        f'[instance]\nname = "myhost"\n[mqtt]\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
    )
    (one_line,) = (step for step in steps() if SQLITE in step.command)
    publish, look = (step for step in session() if step.command.startswith(("mosquitto_pub", "mosquitto_sub -C 1")))
    for step in (one_line, publish, look):
        desk.follow(step)
    desk.sees_all()

    assert (tmp_path / "axion-bus.db").exists()


def test_the_session_is_the_one_that_a_newcomer_needs():
    """That it is there at all: a README without it would pass the tests above."""
    alert = """mosquitto_pub -t axion/alerts/web/api -m '{"title":"API slow","severity":"HIGH","package":"WEBAPI"}'"""
    commands = [step.command for step in session()]

    assert [True] * 3 == [each in commands for each in ("axion-bus check-config", "axion-bus run", alert)]


def test_the_lines_of_the_demo_are_the_ones_it_prints():
    (shown,) = (block for block in blocks("text") if "checkout" in block)

    assert [] == [line for wanted, line in zip(STORY, shown.splitlines(), strict=False) if not re.fullmatch(wanted, line)]


def test_a_service_comes_of_the_configuration_of_the_session(shell, tmp_path):
    """``init`` takes up what the session and the block have written: the unit hands over what the configuration names."""
    (written,) = (step.command for step in session() if step.command.startswith("cat > /etc"))
    (block,) = (block for block in blocks("sh") if "init --host" in block)
    (first, text), (second, added) = files_in(f"{written}\n{block}")
    file = tmp_path / "etc/axion-bus/axion-bus.toml"
    file.parent.mkdir(parents=True)
    (tmp_path / "etc/mosquitto/conf.d").mkdir(parents=True)
    file.write_text(before := text + added)
    said = shell("init", "--host", "--root", tmp_path, "--json")
    unit = (tmp_path / "etc/systemd/system/axion-bus.service").read_text()
    todo = "\n".join(f"{step['what']}\n{step['do']}" for step in said.json["data"]["next"])

    assert ["db_password", "mqtt_password"] == re.findall(
        r"^LoadCredential=(\w+):/etc/axion-bus/credentials/\1$", unit, re.MULTILINE
    )
    assert ("/etc/axion-bus/axion-bus.toml", first, before) == (first, second, file.read_text())
    assert block.endswith("\naxion-bus init --host\n")
    assert ([True] * 3, False) == (
        [each in todo for each in ("mosquitto_passwd -b", "systemctl enable --now axion-bus", "axion-bus doctor")],
        "Name the account" in todo,
    )


def test_the_account_gets_what_the_doctor_asks_for():
    assert f"> GRANT {', '.join(NEEDED_GRANTS)} ON axion_bus.*" in README.read_text()


def test_what_it_links_to_is_there():
    text = README.read_text()
    named = re.findall(r"\]\(([^)#]+)[^)]*\)", text)

    assert len(named) > 5
    assert [] == [name for name in named if not (ROOT / name).exists()]


def test_its_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README.read_text(), re.MULTILINE)

    assert ["run", "test"] == targets
    assert [] == [target for target in targets if not re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)]
