"""One request inside one transaction: what people and programs ask for over a bus, beside ``batch``, which is for alerts.

Made anew for each try; ``pipeline.record`` decides when there is another. What a request does is ``ports.Requests``'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Direction
from axion_bus.ports import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.domain.communication import Communication
    from axion_bus.ports import Received, Requests, Transaction


@dataclass(slots=True, kw_only=True)
class Errand:
    """A try at ``received``; ``guid`` is its row's, the same however often it is tried."""

    received: Received
    guid: str
    requests: Requests
    now: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    rows: Sequence[Communication] = ()

    @property
    def has_events(self) -> bool:
        """Whether there is something for the relay among ``rows``."""
        return any(row.direction is Direction.OUTBOUND for row in self.rows)

    async def run(self, transaction: Transaction) -> None:
        """Carry it out and write what tells of it."""
        answered = await self.requests.answer(transaction, self.received, self.guid, self.now)
        self.rows, own = answered.rows, answered.rows[0]
        reason = str(own.metadata.get("reason", ""))
        self.outcomes.append(Outcome(own.short_ref, error=own.error_message, answer=answered.answer, reason=reason))
