"""What happens because time passes: quiet incidents close, people are reminded of those that nobody took on, silences end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.changes import BY_ITSELF, Step, tell
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import CloseReason, IncidentStatus, TimelineEntry, TimelineEvent, close
from axion_bus.domain.routing import Occasion
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.ports import Changes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axion_bus.pipeline.bell import Rung
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.pipeline.progress import Progress
    from axion_bus.pipeline.silences import SilenceEnds
    from axion_bus.ports import Clock, Store, Transaction

log = structlog.get_logger()

_EVERY_S = 1.0
_AT_A_TIME = 200


class Timers:
    """Looks once a second for what is due. Any number of daemons may: rows are locked while they change."""

    def __init__(
        self,
        *,
        store: Store,
        outbox: Outbox,
        clock: Clock,
        progress: Progress,
        recorded: Rung,
        remind_after: timedelta = timedelta(minutes=30),
        silence_ends: SilenceEnds | None = None,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._progress = progress
        self._recorded = recorded
        self._remind_after = remind_after
        self._silence_ends = silence_ends

    async def run(self, stop: asyncio.Event) -> None:
        """Act on time until ``stop``."""
        while not stop.is_set():
            try:
                for act in (self.end_silences, self.close_quiet, self.remind):
                    while await self._some(act):
                        self._recorded.set()
                awaited = "time"
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("timers_wait_for_store", error=str(exc)[:500])
                awaited = "store"
            with self._progress.waiting_for(awaited):
                try:
                    async with asyncio.timeout(_EVERY_S):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def _some(self, act: Callable[[Transaction], Awaitable[int]]) -> int:
        with self._progress.waiting_for("commit"):
            return await self._store.write(act)

    async def end_silences(self, transaction: Transaction) -> int:
        """Look again at alerts that no silence silences any more; return at how many."""
        return 0 if self._silence_ends is None else await self._silence_ends.look(transaction, self._clock.now(), _AT_A_TIME)

    async def close_quiet(self, transaction: Transaction) -> int:
        """Close what has been quiet for long enough; return how many."""
        now = self._clock.now()
        changes = Changes()
        for incident in await transaction.incidents_to_close(now, _AT_A_TIME):
            closed = close(incident, CloseReason.AUTO, now)
            text = "Incident closed by itself: all alerts are resolved and the quiet time is over"
            step = Step(EventKind.INCIDENT_CLOSED, text, incident.status, IncidentStatus.CLOSED)
            told = tell(closed, [step], reason="quiet", now=now)
            changes.changed_incidents.append(told.incident)
            changes.timeline.extend(told.timeline)
            changes.communications.extend(await self._outbox.all_rows(transaction, told.events, now))
        if changes.changed_incidents:
            await transaction.save(changes)
        return len(changes.changed_incidents)

    async def remind(self, transaction: Transaction) -> int:
        """Remind people of what is CREATED and has not changed for ``remind_after``; return of how many incidents."""
        severities = self._outbox.notifications.codes.get(Occasion.REMINDER, {})
        if not severities:
            return 0
        now = self._clock.now()
        changes = Changes()
        for incident in await transaction.incidents_to_remind(now - self._remind_after, severities, _AT_A_TIME):
            told = tell(incident, (), reason="reminder", now=now)
            text = f"Reminder sent: nobody has taken the incident on since {incident.updated_at:%Y-%m-%d %H:%M:%S} UTC"
            changes.changed_incidents.append(told.incident)
            changes.timeline.append(
                TimelineEntry(incident_guid=incident.guid, event=TimelineEvent.REMINDED, description=text, by=BY_ITSELF, at=now)
            )
            rows = await self._outbox.notifications.of_occasion(transaction, told.incident, Occasion.REMINDER, now)
            changes.communications.extend(rows)
        if changes.changed_incidents:
            await transaction.save(changes)
        return len(changes.changed_incidents)
