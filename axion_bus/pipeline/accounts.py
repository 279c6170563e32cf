"""What a settled message does to its incident: the timeline, the event; and the incident about a channel that does not deliver.

Inside a transaction of ``delivery``, which alone calls it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axion_bus.domain import desk
from axion_bus.domain.alert import Severity, digest
from axion_bus.domain.changes import BY_ITSELF, Step, tell
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import Incident, IncidentStatus
from axion_bus.ports import Changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Clock, Outgoing, Settlement, Transaction

CHANNEL_RULE = "axion-bus-channel"
"""The rule of incidents about a channel that does not deliver; failures to tell of those open no more of them."""
_NO_PAGE = (None, "report", "answer")


@dataclass(frozen=True, slots=True)
class Settled:
    """A row of channel ``name`` and what became of an attempt to deliver it."""

    name: str
    row: Outgoing
    settlement: Settlement

    @property
    def is_over(self) -> bool:
        """Whether it is not tried again."""
        return self.settlement.next_attempt_at is None

    @property
    def step(self) -> Step:
        """What its incident's timeline tells of it."""
        reference, error = self.row.metadata.get("reference", self.row.guid), self.settlement.error
        if error is None:
            return Step(
                EventKind.COMMUNICATION_SENT, f"{self.name} message {reference} sent to {self.row.recipient}", new=reference
            )
        text = f"{self.name} message {reference} to {self.row.recipient} failed: {error}"
        return Step(EventKind.COMMUNICATION_FAILED, text, new=reference)

    def in_short(self) -> Settled:
        """The same without what the other side said, for a database that does not take that."""
        error = None if self.settlement.error is None else "not delivered; what the other side said cannot be kept"
        return replace(self, settlement=replace(self.settlement, error=error, external_id=None, metadata=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Writes what became of messages."""

    outbox: Outbox
    clock: Clock

    async def settle(self, transaction: Transaction, settled: Sequence[Settled]) -> None:
        """The rows and their attempts and, of what is over, what it does to incidents."""
        guids = {each.row.incident_guid for each in settled if each.is_over and each.row.incident_guid is not None}
        incidents = {each.guid: each for each in await transaction.incidents_by_guid(guids)}  # locked before the rows, as elsewhere
        decided = await transaction.finish([each.settlement for each in settled])
        over = [each for each in settled if each.is_over and each.settlement.guid in decided]
        if not over:
            return
        now = self.clock.now()
        changes = Changes()
        told = self._tell(over, incidents, changes, now)
        changes.changed_incidents.extend(incidents[guid] for guid in sorted(told))
        for name, error in _given_up(over, incidents).items():
            await self._tell_of_channel(transaction, name, error, changes, now)
        await transaction.save(changes)

    def _tell(self, over: Iterable[Settled], incidents: dict[str, Incident], changes: Changes, now: datetime) -> set[str]:
        """Put what ``incidents`` tell into ``changes``; return which of them changed."""
        changed = set()
        for each in over:
            incident = incidents.get(each.row.incident_guid or "")
            if incident is None:
                continue
            reason = "delivered" if each.settlement.error is None else "given_up"
            told = tell(incident, [each.step], reason=reason, now=now)
            incidents[incident.guid] = told.incident
            changed.add(incident.guid)
            changes.timeline.extend(told.timeline)
            changes.communications.extend(self.outbox.rows(told.events, now))
        return changed

    async def _tell_of_channel(self, transaction: Transaction, name: str, error: str, changes: Changes, now: datetime) -> None:
        """Open an incident about the channel, unless one is open; others are told of it as of any."""
        key = digest("channel", (name,))
        if any(each.is_open for each in await transaction.incidents_by_key([key], None)):
            return
        incident = Incident(
            guid=self.outbox.new_guid(now),
            title=f"Channel {name} does not deliver",
            severity=Severity.HIGH,
            status=IncidentStatus.CREATED,
            package="AXION-BUS",
            description=f"A message to a person was given up: {error}",
            created_at=now,
            updated_at=now,
            rule=CHANNEL_RULE,
            correlation_key=key,
        )
        told = desk.opened(incident, by=BY_ITSELF, now=now)
        changes.new_incidents.append(told.incident)
        changes.timeline.extend(told.timeline)
        changes.communications.extend(await self.outbox.all_rows(transaction, told.events, now))


def _given_up(over: Iterable[Settled], incidents: dict[str, Incident]) -> dict[str, str]:
    """The channels that gave up a page, each with the error; not one that was to tell of a channel, which would never end."""
    found: dict[str, str] = {}
    for each in over:
        incident = incidents.get(each.row.incident_guid or "")
        is_about_a_channel = incident is not None and incident.rule == CHANNEL_RULE
        if each.settlement.error is not None and each.row.metadata.get("occasion") not in _NO_PAGE and not is_about_a_channel:
            found.setdefault(each.name, each.settlement.error)
    return found
