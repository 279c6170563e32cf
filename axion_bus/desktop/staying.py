"""Staying on a bus: one connection after another, with pauses that grow while there is none. Used for both buses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from axion_bus.buses.dbus.link import DbusRefused, Link
from axion_bus.buses.patience import Patience
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from dbus_next.message import Message

log = structlog.get_logger()

PATIENCE = Patience(retry_max_s=30.0)


class Guest(Protocol):
    """Who lives on a connection. ``take`` gets what arrives on it, in order."""

    def take(self, message: Message) -> None:
        """A signal or a call; must not raise."""
        ...

    async def stay(self, link: Link) -> None:
        """Live on ``link`` until it ends, or until there is nothing more to do."""
        ...


async def stay(address: str, guest: Guest, patience: Patience = PATIENCE) -> None:
    """Let ``guest`` live on the bus at ``address``, until it has nothing more to do or this is cancelled."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        since_s = loop.time()
        try:
            return await _stay_once(address, guest, patience)
        except (BusUnavailable, DbusRefused) as exc:
            log.warning("bus_away", bus=address, error=str(exc))
        failures = 1 if loop.time() - since_s > patience.stable_after_s else failures + 1
        await asyncio.sleep(patience.retry_s(failures))


async def _stay_once(address: str, guest: Guest, patience: Patience) -> None:
    link = await Link.open(address, take=guest.take, timeout_s=patience.connect_s)
    log.info("bus_joined", bus=address, name=link.unique_name)
    try:
        await guest.stay(link)
        if link.ended.done():
            raise BusUnavailable(link.ended.result())
    finally:
        await link.close()
