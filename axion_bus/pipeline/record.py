"""Batch after batch: decode, one transaction, and then, only then, acknowledge.

While the database is away the same batch is tried again and again, unacknowledged. A message that cannot be recorded, by its
own fault or ours, is found by halving, ends as a FAILED row and never blocks what is behind it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from axion_bus.domain.alert import Alert
from axion_bus.domain.correlation import Candidate, candidate
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.formats import Malformed
from axion_bus.pipeline import inbound
from axion_bus.pipeline.batch import Batch
from axion_bus.pipeline.errand import Errand
from axion_bus.ports import UNMEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axion_bus.domain.communication import Communication
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.rules import Rule
    from axion_bus.formats import Element
    from axion_bus.pipeline.bell import Rung
    from axion_bus.pipeline.decode import Sources
    from axion_bus.pipeline.inbound import Item
    from axion_bus.pipeline.intake import Intake
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Clock, Meter, Received, Requests, Store, Transaction

log = structlog.get_logger()

MAX_ITEMS = 1000
"""How many alerts one transaction takes at the most, unless one message alone has more."""
_READ_A_TURN = 32
_RETRY_FIRST_S = 0.1
_RETRY_MAX_S = 5.0


class _StopRequestedError(Exception):
    """Stopping while a batch cannot be written: it stays unacknowledged, and the bus delivers it again."""


@dataclass(slots=True)
class _Message:
    """``items`` are its alerts; ``request`` is its row's guid, if it is no alert but asks for something.

    ``source`` is the configured one that it came from; None: it is a request. ``apologies`` tell whoever asked that it could not
    be carried out.
    """

    received: Received
    items: list[Item]
    request: str | None = None
    source: str | None = None
    apologies: Sequence[Communication] = ()


class Recorder:
    """The only writer of what comes in. ``rules`` end with a catch-all; ``silences`` are those beside the database's."""

    def __init__(
        self,
        *,
        store: Store,
        intake: Intake,
        sources: Sources,
        rules: Sequence[Rule],
        outbox: Outbox,
        clock: Clock,
        progress: Progress,
        recorded: Rung,
        requests: Requests | None = None,
        silences: Sequence[Silence] = (),
        tells_received: bool = False,
        meter: Meter = UNMEASURED,
    ) -> None:
        self._store = store
        self._intake = intake
        self._sources = sources
        self._rules = tuple(rules)
        self._rules_by_name = {rule.name: rule for rule in rules}
        self._outbox = outbox
        self._clock = clock
        self._progress = progress
        self._recorded = recorded
        self._requests = requests
        self._silences = tuple(silences)
        self._tells_received = tells_received
        self._meter = meter

    async def run(self, stop: asyncio.Event) -> None:
        """Record what the intake has until ``stop``; the batch at hand is finished first if the database lets us.

        While one batch is written the next one fills, and is read when it is full: the database works meanwhile, we need not wait.
        """
        writing: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as group:
            while batch := await self._intake.next_batch(stop, writing):
                messages = await self._read_by_turns(batch)
                if writing is not None:
                    await writing
                if stop.is_set() and writing is not None:
                    return
                writing = group.create_task(self._write(messages, stop), name="record-write")

    async def record(self, batch: Sequence[Received], stop: asyncio.Event) -> None:
        """Accept and acknowledge every message of ``batch``, in order; wait for the database as long as it takes."""
        await self._write(await self._read_by_turns(batch), stop)

    async def _read_by_turns(self, batch: Sequence[Received]) -> list[_Message]:
        """Read each message; now and then everything else has a turn, first of all the batch that is being written."""
        messages = []
        for number, received in enumerate(batch, 1):
            messages.append(self._read(received))
            if number % _READ_A_TURN == 0:
                await asyncio.sleep(0)
        return messages

    async def _write(self, messages: Iterable[_Message], stop: asyncio.Event) -> None:
        try:
            for part in self._parts(messages):
                await self._record_or_halve(part, stop)
                self._progress.beat()
        except _StopRequestedError:
            return

    def _parts(self, messages: Iterable[_Message]) -> Iterable[list[_Message]]:
        part: list[_Message] = []
        size = 0
        for message in messages:
            if part and (size + len(message.items) > MAX_ITEMS or message.request):
                yield part
                part, size = [], 0
            if message.request:
                yield [message]
                continue
            part.append(message)
            size += len(message.items)
        if part:
            yield part

    def _read(self, received: Received) -> _Message:
        now, new_guid = self._clock.now(), self._outbox.new_guid
        if self._requests is not None and received.refusal is None and self._requests.wants(received):
            return _Message(received, [], new_guid(now))
        message = _Message(received, [], source="")
        try:
            message.source = self._sources.name_of(received)
            message.items = inbound.items(received, self._sources.decode(received), self._consider, new_guid, now)
        except Exception as exc:  # noqa: BLE001 - one input that our own code cannot read is settled as failed
            message.items = [self._broken(received, exc)]
        return message

    def _consider(self, element: Element) -> Candidate | Malformed:
        match element.content:
            case Alert() as alert:
                return candidate(alert, self._rules)
            case Malformed() as malformed:
                return malformed

    async def _record_or_halve(self, part: list[_Message], stop: asyncio.Event) -> None:
        refusal = await self._record_whole(part, stop)
        if refusal is None:
            return
        if len(part) == 1:
            await self._settle_culprit(part[0], refusal, stop)
            return
        middle = len(part) // 2
        await self._record_or_halve(part[:middle], stop)
        await self._record_or_halve(part[middle:], stop)

    async def _settle_culprit(self, message: _Message, refusal: Exception, stop: asyncio.Event) -> None:
        """Record ``message`` as FAILED; without its bytes and address, if it is those that cannot be written.

        If even that is refused, it is the database's doing and not the message's: it is tried again, as it is, later.
        """
        received = message.received
        bare = replace(received, body=b"", address="")
        retry_s = _RETRY_FIRST_S
        again: Exception | None = refusal
        while again is not None:
            for told, apologies in ((received, self._apologies(message)), (bare, ())):
                failed = _Message(received, [self._broken(told, refusal)], source=message.source, apologies=apologies)
                if await self._record_whole([failed], stop) is None:
                    return
            await self._wait(retry_s, stop)
            retry_s = min(retry_s * 2, _RETRY_MAX_S)
            again = await self._record_whole([message], stop)

    def _apologies(self, message: _Message) -> Sequence[Communication]:
        if self._requests is None or message.request is None:
            return ()
        try:
            return self._requests.apology(message.received, self._clock.now())
        except Exception:
            log.exception("no_apology")  # what could not be carried out is on record all the same
            return ()

    async def _record_whole(self, part: list[_Message], stop: asyncio.Event) -> Exception | None:
        """Write ``part`` in one transaction and acknowledge it; the reason, if it cannot be written by its own fault or ours."""
        try:
            done = await self._transact(part, stop)
        except _StopRequestedError:
            raise
        except Exception as exc:  # noqa: BLE001 - the one culprit is found by halving and settled as failed
            log.warning("batch_refused", messages=len(part), error=str(exc)[:500])
            return exc
        self._acknowledge(part, done)
        return None

    def _broken(self, received: Received, exc: Exception) -> Item:
        return inbound.broken(received, exc, self._outbox.new_guid, self._clock.now())

    async def _transact(self, part: list[_Message], stop: asyncio.Event) -> Batch | Errand:
        """Write ``part`` in one transaction, whole, however often it takes."""
        tried: Batch | Errand | None = None

        async def work(transaction: Transaction) -> Batch | Errand:
            nonlocal tried
            if tried is not None and tried.rows and await transaction.has_communication(tried.rows[0].guid):
                return tried  # its commit went through after all
            tried = self._try(part)
            await tried.run(transaction)
            return tried

        retry_s = _RETRY_FIRST_S
        while True:
            try:
                with self._progress.waiting_for("commit"):
                    return await self._store.write(work)
            except (StoreUnavailable, StoreConflict) as exc:
                log.warning("store_unavailable", error=str(exc)[:500], held=self._intake.held, retry_s=retry_s)
            await self._wait(retry_s, stop)
            retry_s = min(retry_s * 2, _RETRY_MAX_S)

    def _try(self, part: Sequence[_Message]) -> Batch | Errand:
        first = part[0]
        if self._requests is not None and first.request is not None:
            return Errand(received=first.received, guid=first.request, requests=self._requests, now=self._clock.now())
        return Batch(
            items=[item for message in part for item in message.items],
            outbox=self._outbox,
            now=self._clock.now(),
            rules=self._rules_by_name,
            standing=self._silences,
            tells_received=self._tells_received,
            apologies=[row for message in part for row in message.apologies],
        )

    def _acknowledge(self, part: list[_Message], done: Batch | Errand) -> None:
        outcomes, now = iter(done.outcomes), self._clock.now()
        for message in part:
            own = [next(outcomes) for _ in message.items or (message,)]
            message.received.ack(own)
            self._meter.accepted(message.source, own, (now - message.received.received_at).total_seconds())
        self._meter.batch(len(part))
        self._intake.done([message.received for message in part])
        if done.has_events:
            self._recorded.set()

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        with self._progress.waiting_for("store"):
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                return
        raise _StopRequestedError
