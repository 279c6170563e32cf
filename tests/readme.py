"""Reading README.md, or another page: its fenced blocks, and the commands of a ``console`` block with what each shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WRITTEN = re.compile(r"^cat >>? ?(/\S+) <<EOF\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)
# What is another one each time, and what it is shown as.
_DIFFERS = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<guid>"),
    (re.compile(r"\bincidents/[0-9a-f]{32}\b"), "incidents/<guid>"),
    (re.compile(r"\bREF-\d{8}-[0-9A-Z]{7}\b"), "<reference>"),
    (re.compile(r"\bschema \d{4}\b"), "schema <number>"),  # another one with each migration
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "<time>"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command as it is typed, perhaps over several lines, and what is shown for it."""

    command: str
    shown: str

    @property
    def stays(self) -> bool:
        """Whether it goes on until somebody ends it, in a terminal of its own."""
        return self.command.endswith("axion-bus run") or self.command.startswith("mosquitto_sub -v")


def blocks(language: str, page: Path = README) -> list[str]:
    """The fenced blocks of ``language``."""
    return [text for name, text in _BLOCK.findall(page.read_text()) if name == language]


def steps(page: Path = README) -> list[Step]:
    """The steps of all ``console`` blocks, in order."""
    return [step for block in blocks("console", page) for step in _steps(block)]


def files_in(text: str) -> list[tuple[str, str]]:
    """The files that commands write by ``cat >PATH <<EOF``, with their text, in order. Read, never run: they are a host's own."""
    return [(path, content) for path, content in _WRITTEN.findall(text)]


def masked(text: str) -> str:
    """``text`` without what differs each time."""
    for pattern, name in _DIFFERS:
        text = pattern.sub(name, text)
    return text


def _steps(block: str) -> list[Step]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [_step(part.splitlines(keepends=True)) for part in parts]


def _step(lines: list[str]) -> Step:
    typed = 1
    while typed < len(lines) and lines[typed].startswith("> "):
        typed += 1
    command = lines[0] + "".join(line.removeprefix("> ") for line in lines[1:typed])
    return Step(command.rstrip("\n"), "".join(lines[typed:]))
