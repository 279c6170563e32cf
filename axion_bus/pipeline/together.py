"""Doing for many at once what many ask for one by one: a disk syncs a hundred rows as fast as one.

Used where deliveries go on side by side. Nothing waits for company: who comes first goes at once, and takes along whoever is there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from axion_bus.errors import StoreConflict, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Asked = TypeVar("Asked")
Given = TypeVar("Given")


@dataclass(slots=True, eq=False)
class _Place(Generic[Asked, Given]):
    """One that waits; ``given`` holds what came of it, ``error`` why nothing did."""

    asked: Asked
    given: list[Given]
    error: Exception | None = None

    @property
    def is_served(self) -> bool:
        return bool(self.given) or self.error is not None


class Together(Generic[Asked, Given]):
    """Calls ``do`` with all that is asked for while it is busy; it gives a result for each, in order.

    When it fails, all fail that were asked for together; but for what is somebody's own fault, each is then tried by itself.
    """

    def __init__(self, do: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]]) -> None:
        self._do = do
        self._waiting: list[_Place[Asked, Given]] = []
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, asked: Asked) -> Given:
        """What ``do`` gives for ``asked``; raises what it raises."""
        place: _Place[Asked, Given] = _Place(asked, [])
        self._waiting.append(place)
        try:
            async with self._one_at_a_time:
                if not place.is_served:  # nobody took it along
                    await self._serve(list(self._waiting))
        finally:
            if place in self._waiting:
                self._waiting.remove(place)
        if place.error is not None:
            raise place.error
        return place.given[0]

    async def _serve(self, places: list[_Place[Asked, Given]]) -> None:
        try:
            for place, given in zip(places, await self._do([each.asked for each in places]), strict=True):
                place.given.append(given)
        except Exception as exc:  # noqa: BLE001 - it is raised where it was asked for
            if len(places) > 1 and not isinstance(exc, (StoreUnavailable, StoreConflict)):
                for place in places:
                    await self._serve([place])
                return
            for place in places:
                place.error = exc
        self._waiting = [each for each in self._waiting if not each.is_served]
