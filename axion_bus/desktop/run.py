"""The program: the daemon's bus on one side, the session's on the other, the board between them; until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass

import structlog

from axion_bus.desktop.board import Board
from axion_bus.desktop.screen import Screen
from axion_bus.desktop.service import Service
from axion_bus.desktop.staying import stay

log = structlog.get_logger()

FAREWELL_S = 3.0
"""How long withdrawing what is shown may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesktopSettings:
    """``bus``: where the daemon is, "system", "session" or an address. ``user``: in whose name is answered."""

    bus: str
    user: str
    session: str = "session"
    limit: int = 5


async def run(settings: DesktopSettings) -> None:
    """Show until SIGTERM or SIGINT; both buses, the daemon and the notification server may come and go."""
    stop, changed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    board = Board(user=settings.user, limit=settings.limit)
    service = Service(board, user=settings.user, changed=changed)
    screen = Screen(board, changed=changed, pressed=service.answer)
    async with asyncio.TaskGroup() as group:
        shown = group.create_task(stay(settings.session, screen), name="notification server")
        others = [
            group.create_task(stay(settings.bus, service), name="daemon"),
            group.create_task(service.carry_out(), name="answers"),
        ]
        await stop.wait()
        if screen.leave():
            await asyncio.wait([shown], timeout=FAREWELL_S)
        for task in (shown, *others):
            task.cancel()
    log.info("stopped")
