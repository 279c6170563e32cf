"""Holding the bus back. A D-Bus connection cannot be left unread for long: the bus would hold, and then drop, what is for us.

So after a short time it is read on: signals are counted and dropped, which is told as a gap; calls are answered that we are busy.
Used by ``bus`` and ``session``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from axion_bus.buses.dbus.link import Link
    from axion_bus.ports import Clock, Losses

HELD_FOR_S = 5.0
"""How long a connection is left unread."""


class Valve:
    """Shut by ``pause``, opened by ``resume``. ``is_overflowing``: it was shut for too long. ``tell_busy`` is told of that."""

    def __init__(self, *, losses: Losses, clock: Clock, tell_busy: Callable[[bool], None], held_for_s: float = HELD_FOR_S) -> None:
        self._losses = losses
        self._clock = clock
        self._tell_busy = tell_busy
        self._held_for_s = held_for_s
        self._link: Link | None = None
        self._is_shut = False
        self._timer: asyncio.TimerHandle | None = None
        self._dropped = 0
        self._dropped_since: datetime | None = None
        self.is_overflowing = False

    def attach(self, link: Link | None) -> None:
        """``link`` is what is held back from now on."""
        self._link = link
        if link is not None and self._is_shut and not self.is_overflowing:
            link.pause()

    def pause(self) -> None:
        """Hold back."""
        if not self._is_shut:
            self._is_shut = True
            self._timer = asyncio.get_running_loop().call_later(self._held_for_s, self._overflow)
            if self._link is not None:
                self._link.pause()

    def resume(self) -> None:
        """Let everything come again."""
        if not self._is_shut:
            return
        self._is_shut = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_overflowing:
            self.is_overflowing = False
            self._tell_busy(False)
        self.tell()
        if self._link is not None:
            self._link.resume()

    def drop(self) -> None:
        """A signal is not taken."""
        if self._dropped_since is None:
            self._dropped_since = self._clock.now()
        self._dropped += 1

    def tell(self) -> None:
        """Tell how many signals were dropped, unless they are still being dropped."""
        if self._dropped_since is not None and not self.is_overflowing:
            self._losses.told_overflow(self._dropped, self._dropped_since)
            self._dropped, self._dropped_since = 0, None

    def _overflow(self) -> None:
        self.is_overflowing = True
        self._tell_busy(True)
        if self._link is not None:
            self._link.resume()
