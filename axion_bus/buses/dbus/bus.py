"""The D-Bus bus: joined, as far as it lets us, through one connection after another, with our name, and heard and told on.

Delivers signals and calls; tells events. What a message means is decided elsewhere, and calls are answered by a ``Service``.
Implements ``ports.Bus`` and ``ports.Publisher``; run by the daemon.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog
from pydantic_core import from_json

from axion_bus.buses.dbus import signals
from axion_bus.buses.dbus.events import signal_of
from axion_bus.buses.dbus.people import signal_to
from axion_bus.buses.dbus.session import Session
from axion_bus.buses.dbus.trust import Ration, refusal
from axion_bus.buses.dbus.valve import Valve
from axion_bus.buses.dbus.writer import fail
from axion_bus.buses.patience import Patience
from axion_bus.config.dbus import BUS_NAME, OBJECT_PATH
from axion_bus.domain.communication import Channel
from axion_bus.errors import BusUnavailable
from axion_bus.ports import Received

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from dbus_next.message import Message

    from axion_bus.buses.dbus.signals import SignalSource
    from axion_bus.buses.dbus.trust import Sender
    from axion_bus.config.dbus import Dbus
    from axion_bus.formats import Malformed
    from axion_bus.ports import Clock, Losses, Outcome

log = structlog.get_logger()

PATIENCE = Patience(connect_s=5.0, answer_s=5.0, ask_again_s=5.0, retry_first_s=0.2, retry_max_s=1.0)
"""A bus is on this machine, and trying costs next to nothing: it is joined again within two seconds of its return."""

_TICK_S = 1.0


class Service(Protocol):
    """Who answers method calls: with ``DbusBus.send``, now or later, each once."""

    is_busy: bool
    """Set to true while we do not take what is sent: commands are to be answered ``Error.Busy``."""

    def call(self, message: Message, sender: Sender) -> None:
        """Answer ``message``, or see to it that it is answered. Neither waits nor raises. It may have lost its arguments."""
        ...


@dataclass(slots=True, kw_only=True)
class Parts:
    """What all connections share."""

    dbus: Dbus
    sources: Sequence[SignalSource]
    deliver: Callable[[Received], None]
    clock: Clock
    valve: Valve
    patience: Patience
    max_payload_bytes: int
    open_keys: Callable[[str], Awaitable[Collection[str]]] | None = None
    service: Service | None = None
    ration: Ration = field(default_factory=Ration)

    def refuse(self, refused: Malformed, body: bytes, path: str, key: str | None, sender: Mapping[str, str | int] | None) -> None:
        """Have it recorded that a message was refused; not each, when there are very many."""
        told = self.ration.take(refused, asyncio.get_running_loop().time())
        if told is not None:
            self._record(told, body, path, key, sender)

    def tell_rest(self) -> None:
        """Have it recorded how many refusals were only counted, when the last of them is a while ago."""
        told = self.ration.rest(asyncio.get_running_loop().time())
        if told is not None:
            self._record(told, b"", OBJECT_PATH, None, None)

    def _record(self, told: Malformed, body: bytes, path: str, key: str | None, sender: Mapping[str, str | int] | None) -> None:
        self.deliver(
            Received(
                channel=Channel.DBUS,
                address=path,
                body=body,
                received_at=self.clock.now(),
                ack=_ignore,
                source=key,
                sender=sender,
                refusal=told,
            )
        )


class DbusBus:
    """``deliver`` gets what is heard and asked; ``losses`` is told what was missed. ``trouble`` says, for people, what is wrong.

    ``open_keys`` gives the dedup keys of open alerts that begin so, for presets.
    ``service`` is set before ``run``, or never: then nothing can be called.
    """

    def __init__(
        self,
        dbus: Dbus,
        *,
        deliver: Callable[[Received], None],
        losses: Losses,
        clock: Clock,
        max_payload_bytes: int,
        open_keys: Callable[[str], Awaitable[Collection[str]]] | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._losses = losses
        self._clock = clock
        self._patience = patience
        self._parts = Parts(
            dbus=dbus,
            sources=signals.sources(dbus),
            deliver=deliver,
            clock=clock,
            valve=Valve(losses=losses, clock=clock, tell_busy=self._tell_busy),
            patience=patience,
            max_payload_bytes=max_payload_bytes,
            open_keys=open_keys,
        )
        self._session: Session | None = None
        self._number = 0
        self._entered_at: float | None = None
        self._left_at: datetime | None = None
        self._is_entered = self._has_name = False
        self.trouble: str | None = "not connected yet"

    @property
    def service(self) -> Service | None:
        """Who answers method calls."""
        return self._parts.service

    @service.setter
    def service(self, service: Service) -> None:
        self._parts.service = service

    @property
    def is_connected(self) -> bool:
        """Whether what is told reaches those who listen to our name. Without it we hear, and answer nobody."""
        return self._is_entered and self._has_name

    @property
    def connection(self) -> int:
        """The number of the connection; 0 before the first."""
        return self._number

    def pause(self) -> None:
        """Hold back; for longer than a few seconds signals are dropped, and calls answered that we are busy."""
        self._parts.valve.pause()

    def resume(self) -> None:
        """Take everything again."""
        self._parts.valve.resume()

    def allows(self, asked: str, sender: Sender) -> Malformed | None:
        """Why ``sender`` may not do what is ``asked``, a command or ``submit``; None: it may."""
        return refusal(sender, self._parts.dbus.users_of(asked), asked)

    def ration(self, refused: Malformed) -> Malformed | None:
        """``refused`` as it is to be recorded; None: not at all, there are too many."""
        return self._parts.ration.take(refused, asyncio.get_running_loop().time())

    def send(self, message: Message) -> asyncio.Future[None]:
        """Send as it is; the future ends when the socket has it, or with BusUnavailable."""
        if self._session is None:
            return fail(asyncio.get_running_loop().create_future(), self._away())
        return self._session.link.send(message)

    def confirmed(self, message: Message) -> asyncio.Future[None]:
        """Send; the future ends when the bus has dealt with it, or with BusUnavailable."""
        session = self._session
        if session is None or not self._has_name:
            return fail(asyncio.get_running_loop().create_future(), self._away())
        return session.confirmations.after(session.link.send(message))

    def publish(
        self,
        topic: str,
        body: bytes,
        *,
        retain: bool = False,
        is_event: bool = False,
        correlation: bytes | None = None,
    ) -> asyncio.Future[None]:
        """Tell the event, or the message to desktops, ``body``; the future ends when the bus has dealt with it."""
        message = signal_of(from_json(body)) if is_event else signal_to(topic, body)
        if message is not None:
            return self.confirmed(message)
        nothing_to_tell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        nothing_to_tell.set_result(None)
        return nothing_to_tell

    async def run(self) -> None:
        """Be on the bus, as far as it lets us, until cancelled."""
        failures = 0
        said: str | None = None
        while True:
            self._entered_at = None
            self.trouble = await self._stay_connected()
            failures = 1 if self._was_stable() else failures + 1
            pause_s = self._patience.retry_s(failures)
            if said != self.trouble or failures == 1:  # it is tried again every second; that it still fails is no news
                log.warning("dbus_away", error=self.trouble, retry_s=round(pause_s, 1))
                said = self.trouble
            await asyncio.sleep(pause_s)

    def _was_stable(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._entered_at is not None and now - self._entered_at > self._patience.stable_after_s

    async def _stay_connected(self) -> str:
        """Be connected until that ends; why it did."""
        async with asyncio.TaskGroup() as group:
            session = Session(self._parts, spawn=group.create_task)
            try:
                await session.open()
                await self._enter(session)
                return await self._watch(session)
            except BusUnavailable as exc:
                return str(exc)
            finally:
                await self._leave(session)
        raise AssertionError("a group of tasks that swallows what its body returns")

    async def _enter(self, session: Session) -> None:
        self._number += 1
        self._session = session  # who waits for our name calls as soon as we have it
        await self._request_name(session)
        self._is_entered = True
        self._entered_at = asyncio.get_running_loop().time()
        if self._left_at is not None:
            self._losses.told_away(self._left_at)
        self._parts.valve.attach(session.link)
        session.prepare()
        log.info("dbus_connected", bus=self._parts.dbus.bus, name=BUS_NAME if self._has_name else None, connection=self._number)

    async def _request_name(self, session: Session) -> None:
        """Without our name nobody finds us, but we hear; so that is no reason to leave."""
        try:
            await session.link.request_name(BUS_NAME)
        except BusUnavailable as exc:
            if session.link.ended.done():
                raise
            self._has_name = False
            if self.trouble != str(exc):
                log.error("dbus_name_refused", error=str(exc))  # noqa: TRY400 - the bus's answer is all there is to know
            self.trouble = str(exc)
        else:
            self._has_name, self.trouble = True, None

    async def _watch(self, session: Session) -> str:
        """Tick until the connection ends; why it did. A name that was refused is asked for again."""
        loop, ended = asyncio.get_running_loop(), session.link.ended
        asked_at, unreadable = loop.time(), 0
        while not ended.done():
            await asyncio.wait((ended,), timeout=_TICK_S)
            if unreadable != (unreadable := session.link.unreadable):
                log.warning("dbus_messages_unreadable", count=unreadable)
            self._parts.valve.tell()
            self._parts.tell_rest()
            if not self._has_name and not ended.done() and loop.time() - asked_at > self._patience.ask_again_s:
                await self._request_name(session)
                asked_at = loop.time()
        return f"the bus {self._parts.dbus.bus}: {ended.result()}"

    async def _leave(self, session: Session) -> None:
        self._parts.valve.attach(None)
        if self._is_entered:
            self._left_at = self._clock.now()
        self._session, self._is_entered, self._has_name = None, False, False
        await session.close()

    def _tell_busy(self, is_busy: bool) -> None:
        if self._parts.service is not None:
            self._parts.service.is_busy = is_busy

    def _away(self) -> BusUnavailable:
        return BusUnavailable(self.trouble or f"the bus {self._parts.dbus.bus}: not connected")


def _ignore(_outcomes: Sequence[Outcome]) -> None:
    """Whoever was refused knows, or is not to know."""
