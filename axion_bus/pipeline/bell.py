"""Telling several workers that there is something to do: each waits on an event of its own. Rung by record and timers.

Nothing is told by it that is not in the database: who misses it looks there by itself, later.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Rung(Protocol):
    """Whom to tell that rows were queued: a bell, or the event of the one who waits."""

    def set(self) -> None:
        """Tell it."""
        ...


class Bell:
    """Sets the event of everyone who hears it."""

    def __init__(self) -> None:
        self._heard: list[asyncio.Event] = []

    def hear(self) -> asyncio.Event:
        """An event that is set when the bell is rung, for one worker, who clears it."""
        event = asyncio.Event()
        self._heard.append(event)
        return event

    def set(self) -> None:
        """Ring it."""
        for event in self._heard:
            event.set()
