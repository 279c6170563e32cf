"""The end of a silence: the alerts that it silenced and that fire still are decided again, as if there had been none.

Called by the timers, each time in a transaction. That a silence silences an alert that comes in is ``batch``'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.domain.board import Board
from axion_bus.domain.correlation import look_again, recalled
from axion_bus.domain.noise import active
from axion_bus.ports import Changes, Link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.correlation import Candidate
    from axion_bus.domain.events import Event
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.rules import Rule
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnds:
    """Looks for what a silence has let go. ``standing`` are the silences of the configuration; ``rules`` end with a catch-all."""

    outbox: Outbox
    rules: Sequence[Rule] = ()
    standing: Sequence[Silence] = ()

    async def look(self, transaction: Transaction, now: datetime, limit: int) -> int:
        """Decide again what no silence that is active has silenced; return how many alerts that were, ``limit`` at most."""
        silences = active((*self.standing, *await transaction.silences(now)), now)
        records = await transaction.alerts_silenced_otherwise({each.guid for each in silences}, limit)
        if not records:
            return 0
        found = {record.guid: recalled(record, self.rules) for record in records}
        board = await self._board(transaction, records, found, now)
        board.silences = silences
        await transaction.save(await self._decided(transaction, records, found, board, now))
        return len(records)

    async def _board(
        self, transaction: Transaction, records: Sequence[AlertRecord], found: Mapping[str, Candidate], now: datetime
    ) -> Board:
        board = Board(rules={rule.name: rule for rule in self.rules})
        board.put_alerts(records)
        keys = {each.key for each in found.values()}
        reopen_within = max((rule.reopen_within for rule in self.rules if rule.reopen_within), default=None)
        board.put_incidents(await transaction.incidents_by_key(keys, now - reopen_within if reopen_within else None))
        linked = {record.incident_guid for record in records if record.incident_guid}
        board.put_incidents(await transaction.incidents_by_guid(linked - board.incidents.keys()))
        board.put_targets(await transaction.merge_targets({key for key in keys if not board.has_open(key)}))
        return board

    async def _decided(
        self,
        transaction: Transaction,
        records: Sequence[AlertRecord],
        found: Mapping[str, Candidate],
        board: Board,
        now: datetime,
    ) -> Changes:
        changes, known, changed = Changes(), set(board.incidents), dict.fromkeys("")
        told: list[Event] = []
        for record in records:
            decision = look_again(found[record.guid], record, board, now, self.outbox.new_guid)
            board.apply(decision)
            if decision.alert is not None:
                changes.changed_alerts.append(decision.alert)
            if decision.incident is not None and decision.timeline:
                changed[decision.incident.guid] = None
                changes.timeline.extend(decision.timeline)
            if decision.link and decision.alert is not None and decision.incident is not None:
                changes.links.append(Link(decision.incident.guid, decision.alert.guid, now))
            told.extend(decision.events)
        for guid in changed:
            (changes.changed_incidents if guid in known else changes.new_incidents).append(board.incidents[guid])
        changes.communications.extend(await self.outbox.all_rows(transaction, told, now))
        return changes
