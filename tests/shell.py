"""The command line as a test uses it: one call, its exit code, and what it said."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.cli import invoke

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@dataclass(frozen=True, slots=True)
class Said:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object on stdout, which has to be the only thing there."""
        return json.loads(self.out)


class Shell:
    """Calls ``axion-bus`` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Said:
        """``axion-bus ARGUMENTS``."""
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = invoke([str(each) for each in arguments])
        return Said(code, *self._capsys.readouterr())

    def set(self, name: str, value: str) -> None:
        """Set an environment variable."""
        self._monkeypatch.setenv(name, value)

    def unset(self, name: str) -> None:
        """Take an environment variable away."""
        self._monkeypatch.delenv(name)
