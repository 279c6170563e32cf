"""The D-Bus bus under test, run in the test's own loop: what it delivered, what it told, who answers calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dbus_next.message import Message

from axion_bus.buses.dbus.bus import PATIENCE, DbusBus
from axion_bus.buses.patience import Patience
from axion_bus.config.dbus import Dbus
from tests.contract.running import Running, until
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from axion_bus.buses.dbus.trust import Sender
    from axion_bus.domain.communication import Fault
    from axion_bus.ports import Received

IN_A_HURRY = Patience(connect_s=1.0, answer_s=1.0, ask_again_s=0.1, retry_first_s=0.02, retry_max_s=0.1)


class Told:
    """``ports.Losses`` that remembers."""

    def __init__(self) -> None:
        self.overflows: list[int] = []
        self.away: list[datetime] = []

    def told_session(self, *, present: bool, filters: Sequence[str]) -> None:
        raise AssertionError("D-Bus has no session")

    def told_dropped(self, count: int) -> None:
        raise AssertionError("D-Bus has no broker")

    def told_overflow(self, count: int, since: datetime) -> None:
        self.overflows.append(count)

    def told_away(self, since: datetime) -> None:
        self.away.append(since)


class Echo:
    """A service that answers each call with its first argument, unless it is busy."""

    def __init__(self, bus: DbusBus) -> None:
        self.is_busy = False
        self.called: list[tuple[str, Sender]] = []
        self._bus = bus

    def call(self, message: Message, sender: Sender) -> None:
        self.called.append((message.member, sender))
        if self.is_busy:
            self._bus.send(Message.new_error(message, "org.example.Error.Busy", "busy"))
        else:
            self._bus.send(Message.new_method_return(message, "s", message.body[:1]))


class Station(Running):
    """A running bus; an asynchronous context manager, whose end stops it as the daemon would."""

    def __init__(
        self,
        address: str,
        *,
        patience: Patience = IN_A_HURRY,
        max_payload_bytes: int = 262_144,
        held_for_s: float | None = None,
        deliver: Callable[[Received], None] | None = None,
        **settings: Any,
    ) -> None:
        self.received: list[Received] = []
        self.losses = Told()
        self.clock = FakeClock()
        self.bus = DbusBus(
            Dbus(bus=address, **settings),
            deliver=deliver or self.received.append,
            losses=self.losses,
            clock=self.clock,
            max_payload_bytes=max_payload_bytes,
            patience=patience,
        )
        if held_for_s is not None:
            self.bus._parts.valve._held_for_s = held_for_s
        self.service = Echo(self.bus)
        self.bus.service = self.service
        super().__init__(self.bus, self.received)

    @property
    def documents(self) -> list[Any]:
        """The same, read."""
        return [json.loads(each.body) for each in self.received]

    async def settled(self) -> None:
        """Wait until the bus has dealt with everything that was sent to us before: what is for us has arrived, or is on its way."""
        session = self.bus._session
        assert session is not None
        await session.link.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId")
        await until(lambda: not session._door._waiting, "senders that are known")


def source(**keys: Any) -> dict[str, Any]:
    """A [[dbus.sources]] of the boiler's signals, read by a mapping unless ``keys`` say otherwise."""
    own = {} if "format" in keys or "preset" in keys else {"mapping": {"title": "args[0]"}}
    interface = {} if "preset" in keys else {"interface": "org.example.Boiler"}
    return {**interface, **own, **keys}


def alert(*body: Any, signature: str | None = None) -> Message:
    """The signal of a native alert, whose one argument is its JSON."""
    return Message.new_signal("/org/example/Any", "org.axion.Alert1", "Alert", signature or "s" * len(body), list(body))


def faults(received: Sequence[Received]) -> list[Fault | None]:
    """Why each was refused; None: it was not."""
    return [None if each.refusal is None else each.refusal.fault for each in received]


__all__ = ["IN_A_HURRY", "PATIENCE", "Echo", "Station", "Told", "alert", "faults", "source"]
