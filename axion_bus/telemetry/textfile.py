"""Writing the text into a file for node_exporter's textfile collector, whole or not at all: it reads at any moment."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import structlog

from axion_bus.telemetry.waiting import stops_within

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = structlog.get_logger()

EVERY_S = 15.0
_MODE = 0o644
"""node_exporter is another user."""


class Textfile:
    """Writes what ``text`` gives to ``path``, again and again; at the end the file goes: a stopped daemon has no figures."""

    def __init__(self, path: Path, text: Callable[[], bytes], *, every_s: float = EVERY_S) -> None:
        self._path = path
        self._text = text
        self._every_s = every_s
        self._is_well = True

    async def run(self, stop: asyncio.Event) -> None:
        """Write until ``stop``. A disk that cannot be written is told once, and tried again."""
        while True:
            await self._write()
            if await stops_within(stop, self._every_s):
                break
        await self._try(lambda: self._path.unlink(missing_ok=True))

    async def _write(self) -> None:
        try:
            text = self._text()
        except Exception:
            log.exception("metrics_not_written", path=str(self._path))  # a bug of ours: the daemon has more to do than this
            return
        self._is_well = await self._try(lambda: replace(self._path, text))

    async def _try(self, act: Callable[[], None]) -> bool:
        try:
            await asyncio.to_thread(act)
        except OSError as exc:
            if self._is_well:
                error = exc.strerror or str(exc)
                log.warning("metrics_textfile_not_written", path=str(self._path), error=error, retry_s=self._every_s)
            return False
        return True


def replace(path: Path, text: bytes) -> None:
    """Put ``text`` where ``path`` is, by way of a file beside it, which ends otherwise than what node_exporter reads."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _MODE)  # whatever the umask
            file.write(text)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
