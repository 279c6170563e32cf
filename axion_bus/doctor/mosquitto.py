"""What a mosquitto on this machine was configured with, as far as its command line and files may be read. It is not asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT_PORT = "1883"


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """The settings of ``file`` and what it includes; of a repeated one the last."""

    file: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_persistent(self) -> bool:
        """Whether sessions are kept on disk."""
        return self.settings.get("persistence", "false") == "true"

    @property
    def autosave_s(self) -> int:
        """How often they are written; 0: only when it ends."""
        value = self.settings.get("autosave_interval", "1800")
        return int(value) if value.isdigit() else 1800


def on_this_machine(port: int, proc: Path = Path("/proc")) -> Mosquitto | None:
    """The one that listens at ``port``; None: none is seen, or it may not be looked at."""
    for process in proc.glob("[0-9]*"):
        file = _file_of(process)
        pairs = list(_pairs(file)) if file is not None and _sees_our_files(process) else []
        if file is None or not pairs:
            continue
        ports = {value.split()[0] for name, value in pairs if name in ("listener", "port") and value} or {_DEFAULT_PORT}
        if str(port) in ports:
            return Mosquitto(file, dict(pairs))
    return None


def _file_of(process: Path) -> Path | None:
    """The configuration file that a mosquitto was started with."""
    try:
        if (process / "comm").read_text().strip() != "mosquitto":
            return None
        arguments = (process / "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return None
    if "-c" not in arguments[:-1]:
        return None
    file = Path(arguments[arguments.index("-c") + 1])
    return file if file.is_absolute() else None


def _sees_our_files(process: Path) -> bool:
    """Whether its paths are ours, and not those of a container; of another user's process only root can tell."""
    try:
        return (process / "root").samefile("/")
    except OSError:
        return True


def _pairs(file: Path) -> Iterator[tuple[str, str]]:
    """Names and values, those of ``include_dir`` in the place where it stands (mosquitto.conf(5))."""
    try:
        lines = file.read_text(errors="replace").splitlines()
        for line in lines:
            name, _, value = line.strip().partition(" ")
            if name == "include_dir":
                for part in sorted(Path(value.strip()).glob("*.conf")):
                    yield from _pairs(part)
            elif name and not name.startswith("#"):
                yield name, value.strip()
    except OSError:
        return
