"""Telling of gaps: what was lost on the way to us becomes a FAILED row of the audit stream, never silence.

The broker has no session for a client id that had one; its own count of dropped messages grew; we were away from the D-Bus bus, or
could not take all of its signals. So does a changed configuration that was refused: it is missing as well.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from axion_bus.config.dbus import OBJECT_PATH
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction, Fault
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.ports import UNMEASURED, Changes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Clock, Meter, Slot, Store, Transaction

log = structlog.get_logger()

CONFIGURATION = "CONFIGURATION"
"""The Channel of rows about a configuration that was refused."""

_RETRY_S = 1.0
_MAX_TEXT = 4000


class Gaps:
    """Compares what the broker tells with what the slot remembers; of D-Bus it takes the adapter's word.

    ``told_*`` never wait; ``run`` writes.
    """

    def __init__(
        self, *, store: Store, slot: Slot, outbox: Outbox, clock: Clock, progress: Progress, meter: Meter = UNMEASURED
    ) -> None:
        self._store = store
        self._slot = slot
        self._saved = slot
        self._outbox = outbox
        self._clock = clock
        self._progress = progress
        self._meter = meter
        self._is_unsure = False
        self._rows: list[Communication] = []
        self._news = asyncio.Event()
        self._saving = asyncio.Lock()

    async def connecting(self) -> None:
        """Put on record that the broker is about to be asked for our session.

        A broker that had lost it makes a new one as it is asked. If we are killed before that is told, the next start finds a
        session there, and this record is all that says that it may be another.
        """
        async with self._saving:
            if self._slot.connecting_since is None:
                self._slot = replace(self._slot, connecting_since=self._clock.now())
            elif self._saved.connecting_since is not None:
                self._is_unsure = True
            if self._saved.connecting_since is None:
                await self._save_all()

    def told_turned_away(self) -> None:
        """The broker did not let us in, so it has touched no session."""
        if not self._is_unsure:
            self._slot = replace(self._slot, connecting_since=None)
            self._news.set()

    def told_session(self, *, present: bool, filters: Sequence[str]) -> None:
        """The broker accepted our subscriptions to ``filters``; ``present`` is its Session Present flag (MQTT 5 3.2.2.1.1)."""
        slot, now = self._slot, self._clock.now()
        if slot.subscribed_at is not None and not present:
            since = _moment(slot.subscribed_at)
            self._gap(
                Fault.SESSION_LOST,
                f"the broker has no session for client id {slot.client_id}, which it had at {since}:"
                " what was published since this daemon was last connected may be lost; is the broker's persistence on?",
            )
        elif slot.subscribed_at is not None and slot.connecting_since is not None and self._is_unsure:
            self._gap(
                Fault.SESSION_UNSURE,
                f"the broker was asked for the session of client id {slot.client_id} at {_moment(slot.connecting_since)},"
                " and its answer never got on record: if it had lost the session by then, what was published before may be lost",
            )
        self._is_unsure = False
        self._slot = replace(slot, subscribed_at=now, connecting_since=None, filters=tuple(filters))
        self._news.set()

    def told_dropped(self, count: int) -> None:
        """The broker has dropped ``count`` messages since it was started, for any of its clients ($SYS, mosquitto(8))."""
        before = self._slot.broker_dropped
        if count == before:
            return
        grown = count if before is None or count < before else count - before
        if grown and before is not None:
            self._gap(
                Fault.BROKER_DROPPED,
                f"the broker dropped {grown} messages for some client, perhaps ours; raise its max_queued_messages",
            )
        self._slot = replace(self._slot, broker_dropped=count)
        self._news.set()

    def told_overflow(self, count: int, since: datetime) -> None:
        """We did not take ``count`` D-Bus signals since that time, because we could not keep up."""
        signals = "one signal was" if count == 1 else f"{count} signals were"
        self._signal_gap(Fault.SIGNALS_DROPPED, f"{signals} not taken since {_moment(since)}: more came than could be recorded")

    def told_away(self, since: datetime) -> None:
        """We are on the D-Bus bus again, and were not since that time: signals of the time between are lost."""
        self._signal_gap(Fault.SIGNALS_MISSED, f"not on the bus from {_moment(since)} until now: signals of that time are lost")

    def told_refused(self, text: str) -> None:
        """A changed configuration was faulty, and the one before it stays in force."""
        self._rows.append(self._row(Fault.RELOAD_REFUSED, text[:_MAX_TEXT], channel=CONFIGURATION, recipient=""))
        self._news.set()

    def _signal_gap(self, fault: Fault, text: str) -> None:
        self._gap(fault, text, channel=Channel.DBUS, recipient=OBJECT_PATH)
        self._news.set()

    def _gap(self, fault: Fault, text: str, *, channel: Channel = Channel.MQTT, recipient: str | None = None) -> None:
        self._meter.gap(fault.value)
        log.error("gap", reason=fault.value, detail=text)
        self._rows.append(self._row(fault, text, channel=channel, recipient=recipient or self._slot.client_id))

    def _row(self, fault: Fault, text: str, *, channel: str, recipient: str) -> Communication:
        now = self._clock.now()
        return Communication(
            guid=self._outbox.new_guid(now),
            short_ref=self._outbox.new_reference(now),
            channel=channel,
            direction=Direction.INBOUND,
            status=CommunicationStatus.FAILED,
            message="",
            recipient=recipient,
            timestamp=now,
            metadata={"reason": fault.value},
            error_message=f"{fault.value}: {text}",
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Write what was told, until ``stop``; ``wake`` is to be called after setting it."""
        while not stop.is_set():
            with self._progress.waiting_for("news of the broker"):
                await self._news.wait()
            self._news.clear()
            try:
                await self._save()
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("gaps_wait_for_store", error=str(exc)[:500])
                self._news.set()
                await self._wait(stop)

    async def _wait(self, stop: asyncio.Event) -> None:
        with self._progress.waiting_for("store"):
            try:
                async with asyncio.timeout(_RETRY_S):
                    await stop.wait()
            except TimeoutError:
                return

    def wake(self) -> None:
        """Let ``run`` see that its stop is set."""
        self._news.set()

    async def _save(self) -> None:
        async with self._saving:
            await self._save_all()

    async def _save_all(self) -> None:
        rows, slot = list(self._rows), self._slot
        if not rows and slot == self._saved:
            return

        async def work(transaction: Transaction) -> None:
            if rows and await transaction.has_communication(rows[0].guid):
                return
            fresh = [replace(row, short_ref=self._outbox.new_reference(row.timestamp)) for row in rows]  # another's may be the same
            await transaction.save(Changes(communications=fresh))
            await transaction.save_slot(slot)

        with self._progress.waiting_for("commit"):
            await self._store.write(work)
        del self._rows[: len(rows)]
        self._saved = slot


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
