"""What the pipeline needs of the world outside: buses to hear and to publish on, ways to reach people, who is asked, the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from datetime import datetime

    from axion_bus.domain.communication import Communication
    from axion_bus.ports.messages import Answered, Letter, Outgoing, Receipt, Received
    from axion_bus.ports.store import Transaction


class Bus(Protocol):
    """Where messages come from; it can be held back."""

    def pause(self) -> None:
        """Stop reading: too much is unacknowledged."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class Publisher(Protocol):
    """Where messages go to. ``connection`` is another number after each reconnection."""

    @property
    def is_connected(self) -> bool:
        """Whether it is worth trying."""
        ...

    @property
    def connection(self) -> int:
        """The number of the connection; 0 before the first."""
        ...

    def publish(
        self, topic: str, body: bytes, *, retain: bool = False, is_event: bool = False, correlation: bytes | None = None
    ) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends when the broker has it, or with BusUnavailable. An event is a structured CloudEvent."""
        ...


class Projection(Protocol):
    """What a bus shows of the database beside its events. It may be shown again at any time, and is, whole, after each connection.

    ``changed`` is set when incidents may have changed.
    """

    changed: bool

    def show(self, outgoing: Outgoing) -> None:
        """Show the state that an event tells of, before the event itself; never waits."""
        ...

    async def resynchronise(self) -> None:
        """After a new connection, show everything. Raises BusUnavailable, StoreUnavailable."""
        ...

    async def refresh(self, now: datetime) -> None:
        """Show what follows from many events, and take away what is long over. Raises BusUnavailable, StoreUnavailable."""
        ...


class Requests(Protocol):
    """Who carries out what people and programs ask for over a bus."""

    def wants(self, received: Received) -> bool:
        """Whether ``received`` is a request, and no alert."""
        ...

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Answered:
        """Carry it out inside ``transaction``; the rows that tell of it are written, its own is ``guid``'s."""
        ...

    def apology(self, received: Received, now: datetime) -> Sequence[Communication]:
        """What tells whoever asked that it could not be carried out by our own fault, or the database's; to be written."""
        ...


class Losses(Protocol):
    """Who is told of messages that were lost on the way to us, by a broker or on a bus; ``told_*`` never wait."""

    async def connecting(self) -> None:
        """The broker is about to be asked for our session, which makes it one if it had none; returns when that is on record.

        Raises:
            StoreUnavailable, StoreConflict: it is not; do not ask.

        """
        ...

    def told_turned_away(self) -> None:
        """The broker did not let us in, so it has touched no session."""
        ...

    def told_session(self, *, present: bool, filters: Sequence[str]) -> None:
        """The broker accepted our subscriptions to ``filters``; ``present`` is its Session Present flag (MQTT 5 3.2.2.1.1)."""
        ...

    def told_dropped(self, count: int) -> None:
        """The broker has dropped ``count`` messages since it was started, for any of its clients."""
        ...

    def told_overflow(self, count: int, since: datetime) -> None:
        """We did not take ``count`` D-Bus signals since that time, because we could not keep up."""
        ...

    def told_away(self, since: datetime) -> None:
        """We are on the D-Bus bus again, and were not since that time: signals of the time between are lost."""
        ...


class Channel(Protocol):
    """A way to reach people. Made from its settings; knows nothing of rows, retries or other channels."""

    @property
    def recipients(self) -> Sequence[str]:
        """Whom it reaches where nobody else is named."""
        ...

    async def send(self, letter: Letter) -> Receipt:
        """Deliver ``letter``, once, within the channel's own time limit.

        Raises:
            DeliveryFailed: it was not delivered, or nobody knows; the error says which, and whether trying again may help.

        """
        ...

    async def close(self) -> None:
        """Let go of what it holds open."""
        ...


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The time of day, aware UTC."""
        ...
