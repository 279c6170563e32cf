"""What the bus shows of the database, retained: the state of each open incident, and a summary.

A projection, not a queue: it may be published again at any time, and is, whole, after each connection. Used by the relay.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic_core import from_json, to_json

from axion_bus.errors import AxionError, BusUnavailable
from axion_bus.formats.events import encode_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.domain.incident import Incident
    from axion_bus.ports import Outgoing, Publisher, Store

_PAGE = 100
_PASSES = 5
_SUMMARY_EVERY_S = 1.0
_CLEAR_EVERY_S = 30.0
_TIMEOUT_S = 30.0


class Mirror:
    """Keeps the retained topics below ``<base>/incidents`` and ``<base>/summary`` true while the bus is connected.

    ``changed`` says that incidents may have changed since the summary was published.
    """

    def __init__(self, *, store: Store, publisher: Publisher, base_topic: str) -> None:
        self._store = store
        self._publisher = publisher
        self._base_topic = base_topic
        self._connection = 0
        self._summed_at: datetime | None = None
        self._cleared_at: datetime | None = None
        self.changed = True

    def show(self, outgoing: Outgoing) -> None:
        """Publish the state that ``outgoing`` tells of, before the event itself: who sees the event finds the state."""
        incident = from_json(outgoing.message)["data"].get("incident")
        if incident is not None:
            shown = self._publisher.publish(self._topic(incident["incident_guid"]), to_json(incident), retain=True)
            shown.add_done_callback(_look_away)

    async def resynchronise(self) -> None:
        """After a new connection, publish the state of every open incident.

        What another daemon changed and published meanwhile is published again, so that its newer state is not left overwritten.
        Not for ever: under a storm there is always something new, which its own event shows, and that waits for us.
        """
        connection = self._publisher.connection
        if connection == self._connection:
            return
        shown: dict[str, int] = {}
        last = await self._store.last_incident()
        for _ in range(_PASSES):
            if not await self._show_changed(shown, last):
                break
        self._connection, self.changed = connection, True

    async def _show_changed(self, shown: dict[str, int], last: str) -> bool:
        after, any_changed = "", False
        while True:
            page = await self._store.open_incidents(after, last, _PAGE)
            changed = [incident for incident in page if shown.get(incident.guid) != incident.version]
            await self._publish_states(changed)
            shown.update((incident.guid, incident.version) for incident in changed)
            any_changed = any_changed or bool(changed)
            if len(page) < _PAGE:
                return any_changed
            after = page[-1].guid

    async def _publish_states(self, incidents: Sequence[Incident]) -> None:
        await self._all([self._publisher.publish(self._topic(each.guid), encode_state(each), retain=True) for each in incidents])

    async def refresh(self, now: datetime) -> None:
        """Publish the summary if something changed, once a second at most; empty the state of what was closed long ago."""
        if self.changed and _is_due(self._summed_at, now, _SUMMARY_EVERY_S):
            self._summed_at, self.changed = now, False
            try:
                await self._sum_up()
            except AxionError:
                self.changed = True
                raise
        if _is_due(self._cleared_at, now, _CLEAR_EVERY_S):
            self._cleared_at = now
            await self._clear(now)

    async def _sum_up(self) -> None:
        summary = await self._store.summary()
        await self._all([self._publisher.publish(f"{self._base_topic}/summary", to_json(summary), retain=True)])

    async def _clear(self, now: datetime) -> None:
        while guids := await self._store.incidents_to_clear(now, _PAGE):
            await self._all([self._publisher.publish(self._topic(guid), b"", retain=True) for guid in guids])
            await self._store.cleared(guids)

    def _topic(self, incident_guid: str) -> str:
        return f"{self._base_topic}/incidents/{incident_guid}/state"

    async def _all(self, publishing: Sequence[asyncio.Future[None]]) -> None:
        """Wait until the broker has all of ``publishing``. Raises BusUnavailable if it does not take one."""
        if not publishing:
            return
        done, late = await asyncio.wait(publishing, timeout=_TIMEOUT_S)
        for future in late:
            future.cancel()
        failed = [exc for future in done if (exc := future.exception()) is not None]
        if failed or late:
            raise BusUnavailable(f"retained state not published: {failed[0] if failed else 'no acknowledgement in time'}")


def _look_away(shown: asyncio.Future[None]) -> None:
    """Take note of how ``shown`` ended: not at all, for the event behind it tells, and after a new connection all is shown."""
    if not shown.cancelled():
        shown.exception()


def _is_due(last: datetime | None, now: datetime, every_s: float) -> bool:
    return last is None or abs((now - last).total_seconds()) >= every_s
