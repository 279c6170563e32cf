"""One batch inside one transaction: look up what its alerts meet, decide each in order of arrival, write all of it.

Made anew for each try; ``pipeline.record`` decides when there is another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from axion_bus.domain.alert import AlertStatus
from axion_bus.domain.board import Board
from axion_bus.domain.communication import Direction, Reason
from axion_bus.domain.correlation import Candidate, Decision, decide
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.noise import active
from axion_bus.pipeline.behind import Behind
from axion_bus.pipeline.inbound import accepted_row, failed_row
from axion_bus.ports import ALREADY_ACCEPTED, Changes, Link, Outcome, Sought

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.rules import Rule
    from axion_bus.pipeline.inbound import Item
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Received, Transaction

DECIDED_AT_ONCE = 200
"""Fewer would be more statements, more would leave the database idle for longer."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """A try at ``items``, beside which ``apologies`` are written.

    ``rules`` are those in force, by name; ``standing`` the silences beside the database's; ``tells_received`` publishes
    alert/received as well.
    """

    items: Sequence[Item]
    outbox: Outbox
    now: datetime
    rules: Mapping[str, Rule]
    standing: Sequence[Silence] = ()
    tells_received: bool = False
    apologies: Sequence[Communication] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Communication] = field(default_factory=list)
    _board: Board = field(init=False)
    _accepted: dict[str, str | None] = field(default_factory=dict)
    _told: list[Event] = field(default_factory=list)
    _changes: Changes = field(default_factory=Changes)
    _alerts: dict[str, AlertRecord] = field(default_factory=dict)
    _incidents: dict[str, Incident] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The board is this try's own."""
        self._board = Board(rules=self.rules)

    @property
    def has_events(self) -> bool:
        """Whether there is something for the relay among ``rows``."""
        return any(row.direction is Direction.OUTBOUND for row in self.rows)

    async def run(self, transaction: Transaction) -> None:
        """Read, decide, write. ``outcomes`` then has one for each item, ``rows`` what was put into the audit stream."""
        await self._look_up(transaction)
        known_alerts = {alert.guid for alert in self._board.alerts.values()}
        known_incidents = set(self._board.incidents)
        changes = self._changes
        changes.communications = await self._decide(transaction, {None, *known_incidents})
        self.rows.extend(self.apologies)
        for guid, alert in self._alerts.items():
            (changes.changed_alerts if guid in known_alerts else changes.new_alerts).append(alert)
        for guid, incident in self._incidents.items():
            (changes.changed_incidents if guid in known_incidents else changes.new_incidents).append(incident)
        notifications = await self.outbox.notifications.of_events(transaction, self._told, self.now)
        self.rows.extend(notifications)
        changes.communications += [*self.apologies, *notifications]
        await transaction.save(changes)

    async def _decide(self, transaction: Transaction, known_incidents: Collection[str | None]) -> list[Communication]:
        """Decide all items, some at once; what they put into the audit stream is written while the next ones are decided.

        Returns what is left to write: rows of the last ones, and of incidents that are not there yet.
        """
        left: list[Communication] = []
        async with Behind() as behind:
            for first in range(0, len(self.items), DECIDED_AT_ONCE):
                ready = [row for row in left if row.incident_guid in known_incidents]
                if ready:
                    left = [row for row in left if row.incident_guid not in known_incidents]
                    await behind.begin(transaction.save(Changes(communications=ready)))
                decided = len(self.rows)
                self.outcomes += map(self._take, self.items[first : first + DECIDED_AT_ONCE])
                left += self.rows[decided:]
        return left

    async def _look_up(self, transaction: Transaction) -> None:
        """Put on the board what the batch's alerts meet. Locks alerts, then incidents; then sees what was accepted before."""
        found = [item.content for item in self.items if isinstance(item.content, Candidate)]
        if not found:
            return
        board, keys = self._board, {each.key for each in found}
        sought = Sought(
            fingerprints={each.fingerprint for each in found},
            keys=keys,
            ingest_keys={each.ingest_key for each in found if each.ingest_key},
            closed_since=self._closed_since(),
            ends_after=self.now,
        )
        met = await transaction.meet(sought)
        board.silences = active((*self.standing, *met.silences), self.now)
        board.put_alerts(met.alerts)
        board.put_incidents(met.incidents)
        self._accepted.update(met.accepted)
        linked = {alert.incident_guid for alert in board.alerts.values() if alert.incident_guid}
        merged = {key: guid for key, guid in met.merged.items() if not board.has_open(key)}
        board.put_incidents(await transaction.incidents_by_guid({*linked, *merged.values()} - board.incidents.keys()))
        board.put_targets({key: board.incidents[guid] for key, guid in merged.items() if guid in board.incidents})
        if any(each.alert.status is AlertStatus.RESOLVED for each in found):
            board.firing.update(await transaction.firing(board.incidents.keys()))
        chosen = {each.alert.alert_guid for each in found if each.alert.alert_guid}
        board.taken.update(await transaction.taken_alert_guids(chosen))

    def _closed_since(self) -> datetime | None:
        """As far back as any rule reopens."""
        reopen_within = max((rule.reopen_within for rule in self.rules.values() if rule.reopen_within), default=None)
        return None if reopen_within is None else self.now - reopen_within

    def _take(self, item: Item) -> Outcome:
        reference = self.outbox.new_reference(self.now)
        found = item.content
        if not isinstance(found, Candidate):
            row = failed_row(item, found, reference)
            self.rows.append(row)
            return Outcome(reference, error=row.error_message, reason=found.fault.value)
        key = found.ingest_key
        if key is not None and key in self._accepted:
            return Outcome(reference, alert_guid=self._accepted[key], reason=ALREADY_ACCEPTED)
        if item.received.is_reading:
            found = replace(found, counts=False)
        decision = decide(found, self._board, self.now, self.outbox.new_guid)
        if _is_no_news(item.received, decision, self._board.alerts.get(found.fingerprint)):
            return Outcome(reference)
        self._board.apply(decision)
        if key is not None:
            self._accepted[key] = None if decision.alert is None else decision.alert.guid
        self._note(decision)
        self.rows.append(accepted_row(item, found, decision, reference, key))
        events = self._events(decision)
        self._told.extend(events)
        self.rows.extend(self.outbox.rows(events, self.now))
        alert_guid = None if decision.alert is None else decision.alert.guid
        return Outcome(reference, alert_guid=alert_guid, reason=decision.reason.value)

    def _events(self, decision: Decision) -> tuple[Event, ...]:
        if not self.tells_received or decision.alert is None:
            return decision.events
        received = Event(kind=EventKind.ALERT_RECEIVED, reason=decision.reason, by="axion-bus", alert=decision.alert)
        return (received, *decision.events)

    def _note(self, decision: Decision) -> None:
        """Remember what ``decision`` changes; the last state of each row is what is written."""
        alert, incident = decision.alert, decision.incident
        if alert is not None:
            self._alerts[alert.guid] = alert
        if incident is not None and decision.timeline:
            self._incidents[incident.guid] = incident
            self._changes.timeline.extend(decision.timeline)
        if decision.link and alert is not None and incident is not None:
            self._changes.links.append(Link(incident.guid, alert.guid, self.now))


def _is_no_news(received: Received, decision: Decision, before: AlertRecord | None) -> bool:
    """Whether ``received`` tells how something stands, and that is how it is recorded, but for the time."""
    if decision.reason is Reason.NOTHING_TO_RESOLVE:
        return received.is_state
    after = decision.alert
    if not received.is_reading or before is None or after is None or decision.timeline:
        return False
    return after == replace(before, last_seen_at=after.last_seen_at)
