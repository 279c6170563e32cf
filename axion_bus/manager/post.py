"""Sending at once what a caller has queued: rows are leased to us in the transaction that makes them, then delivered and settled.

What fails for now is left to a daemon, and so is everything, if we are killed: then the lease ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic_core import from_json, to_json

from axion_bus.channels import configured
from axion_bus.domain.communication import Communication, CommunicationStatus
from axion_bus.manager.people import manners, patience
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.delivery import Deliveries, Dispatch, Fate
from axion_bus.pipeline.pace import Pace
from axion_bus.ports import Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from axion_bus.config import Settings
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Clock, Transaction
    from axion_bus.store.sql import SqlStore


class Post:
    """Delivers over the configured ``channels`` in the name of this process."""

    def __init__(self, store: SqlStore, outbox: Outbox, settings: Settings, clock: Clock) -> None:
        self.channels = configured(settings.channels)
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._manners = manners(settings)
        self._paces = {name: Pace(manner.rate, manner.concurrency) for name, manner in self._manners.items()}
        self._deliveries = Deliveries(
            store=store, outbox=outbox, clock=clock, owner=f"manager-{uuid4()}", patience=patience(settings)
        )

    async def send(self, queue: Callable[[Work], Awaitable[Sequence[Communication]]]) -> dict[str, int]:
        """Write the rows that ``queue`` makes, send them, and count what became of them."""

        async def work(transaction: Transaction) -> Sequence[Communication]:
            now = self._clock.now()
            rows = await queue(Work(transaction=transaction, outbox=self._outbox, now=now))
            for channel in self.channels:
                ours = [row.guid for row in rows if row.channel == channel and self._is_ours(row)]
                await transaction.lease(ours, self._deliveries.owner, now + self._manners[channel].lease)
            return rows

        rows = await self._store.write(work)
        fates = await asyncio.gather(*(self._deliver(row) for row in rows if self._is_ours(row)), return_exceptions=True)
        errors = [each for each in fates if isinstance(each, BaseException)]
        if errors:
            raise errors[0]
        sent = fates.count(Fate.SENT)
        left = sum(row.status is CommunicationStatus.PENDING and not self._is_ours(row) for row in rows)
        pending = fates.count(Fate.POSTPONED) + fates.count(Fate.NOT_OURS) + left
        return {"sent": sent, "failed": len(rows) - sent - pending, "pending": pending}

    def _is_ours(self, row: Communication) -> bool:
        """Whether it is for us to send; what goes over the broker is a daemon's."""
        return row.status is CommunicationStatus.PENDING and row.channel in self.channels

    async def _deliver(self, row: Communication) -> Fate:
        metadata = from_json(to_json(row.metadata))  # as a daemon would read it
        outgoing = Outgoing(row.guid, row.incident_guid, None, row.recipient, row.message, 0, metadata)
        pace = self._paces[row.channel]
        await pace.turn(asyncio.Event())
        try:
            dispatch = Dispatch(name=row.channel, manner=self._manners[row.channel], rows=[outgoing])
            return await self._deliveries.deliver(self.channels[row.channel], dispatch)
        finally:
            pace.done()

    async def close(self) -> None:
        """Close the channels' connections."""
        await asyncio.gather(*(channel.close() for channel in self.channels.values()))
