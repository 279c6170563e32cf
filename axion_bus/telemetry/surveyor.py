"""What only the database knows, asked for now and then: no scrape ever waits for it.

While it gives no answer there are no figures of it, rather than old ones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from axion_bus.errors import StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.telemetry.waiting import stops_within

if TYPE_CHECKING:
    from datetime import datetime

    from axion_bus.ports import Clock, Standing, Survey

log = structlog.get_logger()

_EVERY_S = 5.0
_MOST_S = 60.0
_SHARE = 20
"""How much longer than its answer took the database is left alone, a minute at most: a large backlog takes long to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the database answered, and when."""

    standing: Standing
    at: datetime


class Surveyor:
    """Asks ``survey``. ``sample`` is its answer, None while it gives none; ``answered_at`` is when it last gave one.

    ``has_asked``: else nothing is known yet.
    """

    def __init__(self, survey: Survey, clock: Clock) -> None:
        self._survey = survey
        self._clock = clock
        self.has_asked = False
        self.sample: Sample | None = None
        self.answered_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ask every few seconds until ``stop``."""
        took_s = await self.look()
        while not await stops_within(stop, min(max(_EVERY_S, _SHARE * took_s), _MOST_S)):
            took_s = await self.look()

    async def look(self) -> float:
        """Ask once; return how long that took, in seconds."""
        loop = asyncio.get_running_loop()
        asked_at_s = loop.time()
        standing = await self._answer()
        self.has_asked, self.sample = True, None
        if standing is not None:
            self.answered_at = self._clock.now()
            self.sample = Sample(standing=standing, at=self.answered_at)
        return loop.time() - asked_at_s

    async def _answer(self) -> Standing | None:
        try:
            return await self._survey.standing()
        except (StoreUnavailable, StoreConflict, StoreRefused) as exc:
            log.debug("survey_without_answer", error=str(exc)[:500])
        except Exception:
            log.exception("survey_without_answer")  # a bug of ours: the daemon has more to do than this
        return None
