"""Whether a worker still moves: what intake, record and relay tell the watchdog about themselves.

Pure but for the clock that it is given; no logging, no systemd. The workers write it, the daemon's watchdog reads it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Progress:
    """One worker's sign of life, for use on one event loop.

    A worker calls ``beat`` whenever it has done something, and wraps each await on the outside world (or on having nothing to do)
    in ``waiting_for``: a database that is away makes it degraded, not hung. What is left is our own code, and that must move.
    """

    __slots__ = ("_beaten_at_s", "_monotonic", "_waits", "name")

    def __init__(self, name: str, monotonic: Callable[[], float]) -> None:
        self.name = name
        self._monotonic = monotonic
        self._waits: list[str] = []
        self._beaten_at_s = monotonic()

    @property
    def waiting(self) -> str | None:
        """What the worker waits for (the latest, of several), or None while it works."""
        return self._waits[-1] if self._waits else None

    def beat(self) -> None:
        """Say that something was done."""
        self._beaten_at_s = self._monotonic()

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Say that the worker waits for ``what`` (store, broker, messages). Waits may nest and overlap; each end is a beat."""
        self._waits.append(what)
        try:
            yield
        finally:
            self._waits.remove(what)
            self.beat()

    def is_stalled(self, now_s: float, limit_s: float) -> bool:
        """Whether the worker has neither waited nor moved for more than ``limit_s``; ``now_s`` is of the same clock as its own."""
        return not self._waits and now_s - self._beaten_at_s > limit_s
