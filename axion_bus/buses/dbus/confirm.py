"""When the bus has dealt with what was sent. It works off a connection in order: its answer to a later call tells of all before.

The end of a write does not: what is in the socket's buffer when the bus dies is lost. Used by ``session``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused
from axion_bus.buses.dbus.writer import fail
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.buses.dbus.link import Link

_ANSWER_S = 8.0


class Confirmations:
    """On one ``link``; ``spawn`` runs what asks. One question at a time stands for all that was sent before it."""

    def __init__(self, link: Link, *, spawn: Callable[..., asyncio.Task[None]]) -> None:
        self._link = link
        self._spawn = spawn
        self._waiting: list[tuple[asyncio.Future[None], asyncio.Future[None]]] = []
        self._is_asking = False

    def after(self, sent: asyncio.Future[None]) -> asyncio.Future[None]:
        """Ends when the bus has dealt with what ``sent`` sends, or with BusUnavailable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sent, future))
        if not self._is_asking:
            self._is_asking = True
            self._spawn(self._ask(), name="dbus-confirm")
        return future

    async def _ask(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            fault: BusUnavailable | None = None
            try:
                await self._link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId", timeout_s=_ANSWER_S)
            except (BusUnavailable, DbusRefused) as exc:
                fault = BusUnavailable(f"the bus did not confirm what was sent: {exc}")
            for sent, future in batch:
                _settle(future, fault or _fault_of(sent))
        self._is_asking = False


def _fault_of(sent: asyncio.Future[None]) -> BusUnavailable | None:
    exc = sent.exception() if sent.done() and not sent.cancelled() else None
    return exc if isinstance(exc, BusUnavailable) else None


def _settle(future: asyncio.Future[None], fault: BusUnavailable | None) -> None:
    if fault is not None:
        fail(future, fault)
    elif not future.done():
        future.set_result(None)
