"""Reading docs/recipes: the files that a page makes and its other blocks; and a host, a directory, where they are put to use."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import free_port, wait_until
from tests.servers.process import can_connect, find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIRECTORY = Path(__file__).parents[1] / "docs" / "recipes"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A line that ends in a colon and names a file, right before the block that is its content.
_FILE = re.compile(r"^[^\n]*`(/(?:etc|usr)/[^`\n]+)`([^\n]*):\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class File:
    """A file as a page prints it."""

    path: str
    text: str
    is_program: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its name."""

    name: str

    @property
    def text(self) -> str:
        """All of it."""
        return (DIRECTORY / f"{self.name}.md").read_text()

    @property
    def files(self) -> list[File]:
        """The files that it says to make or to add to."""
        return [File(path, text, "mode 755" in said) for path, said, text in _FILE.findall(self.text)]

    def file(self, end: str) -> str:
        """The text of the one file whose path ends so."""
        (text,) = (file.text for file in self.files if file.path.endswith(end))
        return text

    def command(self, end: str) -> str:
        """What the unit whose path ends so executes."""
        return next(line.removeprefix("ExecStart=") for line in self.file(end).splitlines() if line.startswith("ExecStart="))

    def blocks(self, language: str) -> list[str]:
        """All blocks in ``language``, files or not."""
        return [text for name, text in _BLOCK.findall(self.text) if name == language]


class Host:
    """Somebody's host: ``root`` is its /, ``broker_port`` of loopback where its account file leads."""

    def __init__(self, root: Path, broker_port: int) -> None:
        self.root = root
        self.port = broker_port
        self.hook_port = free_port()

    def replaced(self, text: str) -> str:
        """``text`` with our paths and ports in place of the page's."""
        ours = {
            r"(?<![\w.])/(etc|usr/local|var/lib)/": rf"{self.root}/\1/",
            r"\b127\.0\.0\.1:8099\b": f"127.0.0.1:{self.hook_port}",
            r"\bbroker\.example:1883\b": f"127.0.0.1:{self.port}",
        }
        for there, here in ours.items():
            text = re.sub(there, here, text)
        return text

    def install(self, *names: str) -> None:
        """Make the files of these pages."""
        for program, package in (("jq", "jq"), ("mosquitto_pub", "mosquitto-clients")):
            find_program(program, package)
        for file in (file for name in names for file in Page(name).files):
            target = self._at(file.path)
            target.write_text(self.replaced(file.text))
            target.chmod(0o755 if file.is_program else 0o644)

    def log_in(self, account: str) -> None:
        """Write the account file of the shell page, for ``account``; and the same for listening."""
        lines = {"-h broker.example": f"-h 127.0.0.1\n-p {self.port}", "-u web-1": f"-u {account}"}
        text = Page("shell").file("/mosquitto_pub")
        for there, here in lines.items():
            text = text.replace(there, here)
        for program in ("mosquitto_pub", "mosquitto_sub"):
            self._at(f"/etc/axion-alert/{program}").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """That of its commands."""
        path = f"{self.root}/usr/local/bin:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "XDG_CONFIG_HOME": f"{self.root}/etc/axion-alert"}

    def run(self, command: str, stdin: str = "", **variables: str) -> str:
        """Run a shell command; returns what it says on stdout. Raises CalledProcessError."""
        shell = ["sh", "-c", self.replaced(command)]
        environment = {**self.environment, **variables}
        done = subprocess.run(shell, input=stdin, env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == "", done.stderr
        return done.stdout

    def what_is_wrong_with(self, *units: str) -> str:
        """What systemd-analyze says of unit files of this host; of a template, of one of its instances."""
        directory = self.root / "etc/systemd/system"
        command = [find_program("systemd-analyze", "systemd"), "verify", *(directory / unit.replace("@.", "@x.") for unit in units)]
        environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"}  # the colon: and systemd's own
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr

    @contextmanager
    def running(self, command: str, port: int | None = None, **variables: str) -> Iterator[None]:
        """A command that stays, until the block ends; ``port`` is what it listens on."""
        process = subprocess.Popen(
            ["sh", "-c", f"exec {self.replaced(command)}"], env={**self.environment, **variables}, start_new_session=True
        )
        try:
            if port is not None:
                wait_until(lambda: can_connect(port), f"{command} listens")
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)

    def _at(self, path: str) -> Path:
        target = self.root / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def filled(text: str, macros: Mapping[str, str], pattern: str) -> str:
    """``text`` with each macro of ``pattern`` (its name in a group) replaced; one without a value by nothing."""
    return re.sub(pattern, lambda found: macros.get(found[1], ""), text)
