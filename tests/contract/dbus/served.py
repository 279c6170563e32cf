"""The service under test on a running bus, with incidents in memory; and somebody who calls."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Self

import pytest

from axion_bus.buses.dbus.link import DbusRefused
from axion_bus.buses.dbus.service import Service
from axion_bus.buses.dbus.tree import Tree
from tests.contract.dbus.station import Station
from tests.fakes import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dbus_next.message import Message

    from axion_bus.buses.dbus.bus import DbusBus
    from axion_bus.domain.incident import Incident
    from axion_bus.ports import Outcome
    from tests.contract.dbus.parties import Party

NAME, ROOT = "org.axion.Bus1", "/org/axion/Bus1"
MANAGER, INCIDENT = f"{NAME}.Manager", f"{NAME}.Incident"
PROPERTIES = "org.freedesktop.DBus.Properties"
GUID = "01a21021-dba7-7001-bb75-482adbd3e9de"
BUS_ERROR = "org.freedesktop.DBus.Error"
US = f"uid {os.geteuid()}"
SUBMIT = ("Submit", "s", ['{"title": "Disk full"}'])


class Wire:
    """``tree.Carrier`` over a bus; ``sent`` has the replies, and what was told."""

    def __init__(self, bus: DbusBus) -> None:
        self._bus = bus
        self.sent: list[Message] = []

    @property
    def connection(self) -> int:
        return self._bus.connection

    def send(self, message: Message) -> asyncio.Future[None]:
        self.sent.append(message)
        return self._bus.send(message)


class Served(Station):
    """A station with the service."""

    def __init__(self, address: str, *, answer_within_s: float = 20.0, incidents: Iterable[Incident] = (), **options: Any) -> None:
        super().__init__(address, **options)
        self.wire = Wire(self.bus)
        store = MemoryStore()
        store.tables.incidents.update((each.guid, each) for each in incidents)
        self.tree = Tree(store=store, bus=self.wire, version="1.2", instance="test")
        self.bus.service = Service(
            bus=self.wire,
            tree=self.tree,
            deliver=self.received.append,
            allows=self.bus.allows,
            ration=self.bus.ration,
            clock=self.clock,
            answer_within_s=answer_within_s,
        )

    async def connected(self, number: int = 1) -> Self:
        await super().connected(number)
        await self.tree.resynchronise()
        return self

    async def answered(self, number: int, *outcomes: Outcome) -> None:
        """What becomes of the message ``number``, which has been delivered by then."""
        (await self.got(number))[number - 1].ack(outcomes)


class Client:
    """Somebody who calls."""

    def __init__(self, party: Party) -> None:
        self.link = party.link

    def call(
        self, interface: str | None, member: str, signature: str = "", body: Sequence[Any] = (), *, path: str = ROOT
    ) -> asyncio.Future[list[Any]]:
        """A call that waits for its answer."""
        return asyncio.ensure_future(self.link.call(NAME, path, interface, member, signature, list(body)))  # type: ignore[arg-type]

    def submit(self) -> asyncio.Future[list[Any]]:
        """An alert."""
        return self.call(MANAGER, *SUBMIT)

    async def refused(self, interface: str | None, *called: Any, path: str = ROOT) -> str:
        """The name of the error that answers a call."""
        with pytest.raises(DbusRefused) as refused:
            await self.call(interface, *called, path=path)
        return refused.value.name
