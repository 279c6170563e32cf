"""One message to a person: the row of its attempt, then the bytes, then what became of it, with the incident's account of that.

Sent outside any transaction. Deliveries that go on side by side are begun and settled together. Used by the courier, and by the
manager for what it queued itself. What a message looks like is ``letters``'s, what it does to its incident ``accounts``'s.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from axion_bus.errors import DeliveryFailed, StoreConflict, StoreRefused, StoreUnavailable
from axion_bus.pipeline.accounts import Accounts, Settled
from axion_bus.pipeline.letters import has_thread, letter
from axion_bus.pipeline.together import Together
from axion_bus.ports import UNMEASURED, Settlement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.domain.delivery import Manner, Patience
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Channel, Clock, Leased, Meter, Outgoing, Receipt, Store, Transaction

log = structlog.get_logger()

_KEPT_CHARACTERS = 1024
_SETTLE_AGAIN_S = 1.0
_GRACE_S = 5.0
"""Beyond its own time limit, which a channel keeps by itself."""
_CUT_OFF = "perhaps delivered: the sender was cut off before it knew"


class Fate(Enum):
    """What became of a message; NOT_OURS: it was somebody else's by the time that it was its turn."""

    SENT = auto()
    REFUSED = auto()
    POSTPONED = auto()
    GIVEN_UP = auto()
    NOT_OURS = auto()

    @property
    def is_well(self) -> bool:
        """Whether the other side took it or gave a reason not to."""
        return self in (Fate.SENT, Fate.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """``rows`` that go out as one message on the channel ``name``."""

    name: str
    manner: Manner
    rows: Sequence[Outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Those ``rows`` of a dispatch that are ours to send, their attempts counted."""

    rows: Sequence[Outgoing]
    at: datetime
    lease: timedelta
    thread: str | None = None


class Deliveries:
    """Delivers in the name of ``owner``. While the database is away, what is known is kept for ``settle_for_s`` and then lost."""

    def __init__(
        self,
        *,
        store: Store,
        outbox: Outbox,
        clock: Clock,
        owner: str,
        patience: Patience,
        settle_for_s: float = 0.0,
        meter: Meter = UNMEASURED,
    ) -> None:
        self.owner = owner
        self._store = store
        self._clock = clock
        self._patience = patience
        self._settle_for_s = settle_for_s
        self._meter = meter
        self._accounts = Accounts(outbox=outbox, clock=clock)
        self._begin: Together[Dispatch, _Begun] = Together(self._begin_all)
        self._settle: Together[Sequence[Settled], None] = Together(self._settle_all)

    async def deliver(self, channel: Channel, dispatch: Dispatch) -> Fate:
        """Send one message for the rows of ``dispatch`` that are leased to us, settle them, and say what became of it.

        Raises:
            StoreUnavailable, StoreConflict: nothing was sent, or what was sent could not be settled and is sent again, by whoever
                has the rows when our lease is over.

        """
        begun = await self._begin(dispatch)
        if not begun.rows:
            return Fate.NOT_OURS
        began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(dispatch.manner.timeout_s + _GRACE_S):
                receipt = await channel.send(letter(begun.rows, begun.thread))
        except DeliveryFailed as exc:
            failure = exc
        except TimeoutError:
            failure = DeliveryFailed(f"channel {dispatch.name} gave no answer in time", is_ambiguous=True)
        except Exception as exc:  # noqa: BLE001 - one message that cannot be sent is settled as failed
            failure = DeliveryFailed(f"{type(exc).__name__}: {exc}", is_permanent=True)
        else:
            self._count_sent(dispatch, Fate.SENT, began_s)
            await self._settle_patiently(dispatch.name, begun, [self._delivered(row, begun, receipt) for row in begun.rows])
            return Fate.SENT
        settlements = [self._failed(row, begun, failure, dispatch.manner) for row in begun.rows]
        fate = _fate(failure, settlements)
        self._count_sent(dispatch, fate, began_s)
        await self._settle_patiently(dispatch.name, begun, settlements)
        return fate

    def _count_sent(self, dispatch: Dispatch, fate: Fate, began_s: float) -> None:
        self._meter.sent(dispatch.name, fate.name.lower(), asyncio.get_running_loop().time() - began_s)

    async def _begin_all(self, dispatches: Sequence[Dispatch]) -> list[_Begun]:
        async def work(transaction: Transaction) -> list[_Begun]:
            now = self._clock.now()
            guids = {row.guid for dispatch in dispatches for row in dispatch.rows}
            ours = await transaction.leased(guids, owner=self.owner, now=now)
            await self._end_cut_off(transaction, dispatches, ours, now)
            begun = [await _begun(transaction, dispatch, ours, now) for dispatch in dispatches]
            await self._count(transaction, begun, now)
            return begun

        return await self._store.write(work)

    async def _end_cut_off(
        self, transaction: Transaction, dispatches: Sequence[Dispatch], ours: Mapping[str, Leased], now: datetime
    ) -> None:
        """Nobody knows what became of attempts whose sender was killed: they are made again, or left to a person."""
        ended = [
            Settled(
                dispatch.name,
                row,
                Settlement(
                    row.guid,
                    ours[row.guid].attempts,
                    now,
                    now,
                    error=_CUT_OFF,
                    next_attempt_at=None if dispatch.manner.holds_ambiguous else now,
                    is_ambiguous=True,
                ),
            )
            for dispatch in dispatches
            for row in dispatch.rows
            if row.guid in ours and ours[row.guid].is_cut_off
        ]
        if ended:
            await self._accounts.settle(transaction, ended)

    async def _count(self, transaction: Transaction, begun: Sequence[_Begun], now: datetime) -> None:
        """Write the rows of the attempts that begin, those with the same time limit together."""
        attempts: dict[timedelta, dict[str, int]] = defaultdict(dict)
        for each in begun:
            attempts[each.lease].update((row.guid, row.attempts) for row in each.rows)
        for lease, numbers in attempts.items():
            await transaction.begin(numbers, owner=self.owner, at=now, lease_until=now + lease)

    async def _settle_patiently(self, name: str, begun: _Begun, settlements: Sequence[Settlement]) -> None:
        """Settle, trying again while the database is away: to know is better than to send again."""
        settled = [Settled(name, row, settlement) for row, settlement in zip(begun.rows, settlements, strict=True)]
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._settle_for_s
        while True:
            try:
                return await self._settle(settled)
            except (StoreUnavailable, StoreConflict) as exc:
                if loop.time() + _SETTLE_AGAIN_S > until_s:
                    raise
                log.warning("message_not_settled_yet", channel=name, error=str(exc)[:500])
            except StoreRefused as exc:
                if all(each.settlement.metadata is None for each in settled):
                    raise
                log.warning("message_settled_in_short", channel=name, error=str(exc)[:500])
                settled = [each.in_short() for each in settled]
                continue
            await asyncio.sleep(_SETTLE_AGAIN_S)

    async def _settle_all(self, asked: Sequence[Sequence[Settled]]) -> list[None]:
        settled = [each for together in asked for each in together]
        await self._store.write(lambda transaction: self._accounts.settle(transaction, settled))
        return [None] * len(asked)

    def _delivered(self, row: Outgoing, begun: _Begun, receipt: Receipt) -> Settlement:
        metadata = dict(row.metadata)
        if receipt.answer is not None:
            metadata["answer"] = _kept(receipt.answer)
        if len(begun.rows) > 1:
            metadata["bundle"] = {"message": begun.rows[0].metadata["reference"], "count": len(begun.rows)}
        external_id = None if receipt.external_id is None else _kept(receipt.external_id)
        return Settlement(row.guid, row.attempts, begun.at, self._clock.now(), external_id=external_id, metadata=metadata)

    def _failed(self, row: Outgoing, begun: _Begun, failure: DeliveryFailed, manner: Manner) -> Settlement:
        now, metadata = self._clock.now(), dict(row.metadata)
        again = None
        if failure.is_thread_gone and begun.thread is not None:
            metadata["unthreaded"] = True
            again = now
        elif not failure.is_permanent and not (failure.is_ambiguous and manner.holds_ambiguous):
            again = self._patience.next_attempt_at(
                attempt=row.attempts,
                queued_at=datetime.fromisoformat(metadata.get("queued_at", begun.at.isoformat())),
                now=now,
                retry_after_s=failure.retry_after_s,
                uniform=random.uniform,
            )
        error = _kept(f"{'perhaps delivered: ' if failure.is_ambiguous else ''}{failure}")
        log.warning("message_not_delivered", communication=row.guid, attempt=row.attempts, error=error, gives_up=again is None)
        return Settlement(
            row.guid,
            row.attempts,
            begun.at,
            now,
            error=error,
            next_attempt_at=again,
            is_ambiguous=failure.is_ambiguous,
            metadata=metadata,
        )


async def _begun(transaction: Transaction, dispatch: Dispatch, ours: Mapping[str, Leased], now: datetime) -> _Begun:
    """What of ``dispatch`` goes out now, and into which thread."""
    holds = dispatch.manner.holds_ambiguous
    going = [row for row in dispatch.rows if row.guid in ours and not (holds and ours[row.guid].is_cut_off)]
    thread = None
    if going and has_thread(going):
        thread = await transaction.thread(str(going[0].incident_guid), dispatch.name, going[0].recipient)
    rows = [replace(row, attempts=ours[row.guid].attempts + 1) for row in going]
    return _Begun(rows=rows, at=now, lease=dispatch.manner.lease, thread=thread)


def _fate(failure: DeliveryFailed, settlements: Sequence[Settlement]) -> Fate:
    if settlements[0].next_attempt_at is not None:
        return Fate.POSTPONED
    return Fate.REFUSED if failure.is_permanent else Fate.GIVEN_UP


def _kept(text: str) -> str:
    """``text`` as a database takes it, and no more of it than is kept."""
    return text[:_KEPT_CHARACTERS].encode("utf-8", "replace").decode()
