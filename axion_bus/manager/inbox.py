"""Everything that people and programs ask for over a bus, as the one ``ports.Requests`` that the pipeline knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.domain.communication import Communication
    from axion_bus.ports import Answered, Received, Requests, Transaction


class Inbox:
    """Hands each request to the first of ``desks`` that wants it."""

    def __init__(self, desks: Sequence[Requests]) -> None:
        self._desks = desks

    def wants(self, received: Received) -> bool:
        """Whether any of them does."""
        return any(desk.wants(received) for desk in self._desks)

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Answered:
        """As the desk that wants it."""
        return await self._desk_of(received).answer(transaction, received, guid, now)

    def apology(self, received: Received, now: datetime) -> Sequence[Communication]:
        """As the desk that wants it."""
        return self._desk_of(received).apology(received, now)

    def _desk_of(self, received: Received) -> Requests:
        return next(desk for desk in self._desks if desk.wants(received))
