"""What a fault test of D-Bus plays on: programs that call the daemon while the bus comes and goes; and the verdict."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from axion_bus.buses.dbus.link import DbusRefused, Link
from axion_bus.errors import BusUnavailable
from tests.chaos import ledger
from tests.contract.running import until
from tests.gdbus import MANAGER, NAME, ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.servers import Daemon, DbusDaemon

CALL_S = 30.0
"""A call that is answered later than this hangs."""


def section(dbus: DbusDaemon, more: str = "") -> str:
    """The [dbus] section that joins ``dbus``."""
    return f"[dbus]\nbus = {json.dumps(dbus.address)}\n{more}"


async def start_on_bus(daemon: Daemon) -> Daemon:
    """Start ``daemon`` and wait until it is on the bus."""
    before = len(daemon.logged("dbus_connected"))
    await asyncio.to_thread(daemon.start)
    await until(lambda: len(daemon.logged("dbus_connected")) > before, "the daemon is on the bus", 30)
    return daemon


class Submitter:
    """Submits one alert after another over one connection after another; one that was not answered is submitted again.

    ``answered`` has the guid for each alert's id, ``slowest_s`` how long a call took at most until it was answered or failed.
    """

    def __init__(self, dbus: DbusDaemon, name: str) -> None:
        self._dbus = dbus
        self._name = name
        self._link: Link | None = None
        self.answered: dict[str, str] = {}
        self.failed = 0
        self.slowest_s = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and the last one is answered."""
        try:
            for number in itertools.count():
                if stop.is_set():
                    return
                await self._submit(f"{self._name}-{number}")
        finally:
            await self._leave()

    async def _submit(self, key: str) -> None:
        alert = json.dumps({"id": key, "title": f"Condition {key}", "severity": "HIGH", "package": "STORAGE"})
        while True:
            began = time.monotonic()
            try:
                if self._link is None:
                    self._link = await Link.open(self._dbus.address, take=lambda _: None, timeout_s=2)
                (guid,) = await self._link.call(NAME, ROOT, MANAGER, "Submit", "s", [alert], timeout_s=CALL_S)
            except (BusUnavailable, DbusRefused):
                self.failed += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                await self._leave()
                await asyncio.sleep(0.05)
            else:
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.answered[key] = guid
                return

    async def _leave(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


@asynccontextmanager
async def submitting(dbus: DbusDaemon, number: int = 3) -> AsyncIterator[list[Submitter]]:
    """So many submitters at work meanwhile; in the end each has its last answer."""
    stop = asyncio.Event()
    submitters = [Submitter(dbus, f"s{position}") for position in range(number)]
    async with asyncio.TaskGroup() as group:
        for submitter in submitters:
            group.create_task(submitter.run(stop))
        yield submitters
        stop.set()


def unkept(store: str, submitters: list[Submitter]) -> list[str]:
    """Answered alerts that the database does not have exactly once, under the guid that was answered."""
    rows = ledger.query(
        store, "SELECT ExternalId, AlertGuid FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'RECEIVED'"
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["ExternalId"], []).append(row["AlertGuid"])
    answered = {key: guid for submitter in submitters for key, guid in submitter.answered.items()}
    return [f"{key}: answered {guid}, found {found.get(key)}" for key, guid in answered.items() if found.get(key) != [guid]]


async def settled(store: str, timeout_s: float = 60) -> None:
    """Wait until no event waits for D-Bus."""
    where = "Direction = 'OUTBOUND' AND Channel = 'DBUS' AND Status <> 'SENT'"
    await until(
        lambda: not ledger.count(store, "data_incident_communication", where),
        lambda: f"events told; {ledger.count(store, 'data_incident_communication', where)} wait",
        timeout_s,
    )


def gaps(store: str) -> list[dict[str, Any]]:
    """The rows that tell of signals lost."""
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Channel = 'DBUS' AND Status = 'FAILED'")
    return [row for row in rows if ledger.metadata(row)["reason"].startswith("signals_")]


def dropped(store: str) -> int:
    """How many signals were told as dropped."""
    found = (re.search(r"(\d+|one) signals? w", row["ErrorMessage"]) for row in gaps(store))
    return sum(1 if number[1] == "one" else int(number[1]) for number in found if number)
