"""A desktop between a private bus for the daemon and one for the session, each with a stand-in at its other end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from axion_bus.buses.patience import Patience
from axion_bus.desktop.board import Board
from axion_bus.desktop.screen import Screen
from axion_bus.desktop.service import Service
from axion_bus.desktop.staying import stay
from tests.servers import DbusDaemon
from tests.servers.bus1 import Bus1
from tests.servers.notifications import NotificationServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

IN_A_HURRY = Patience(retry_first_s=0.02, retry_max_s=0.05)


@pytest.fixture
def system_bus(tmp_path: Path) -> Iterator[DbusDaemon]:
    """Where the daemon is."""
    with DbusDaemon(tmp_path, name="system-bus") as bus:
        yield bus


@pytest.fixture
def session_bus(tmp_path: Path) -> Iterator[DbusDaemon]:
    """Where the person is."""
    with DbusDaemon(tmp_path, name="session-bus") as bus:
        yield bus


@pytest.fixture
async def bus1(system_bus: DbusDaemon) -> AsyncIterator[Bus1]:
    """The daemon, with no incident."""
    async with Bus1(system_bus.address) as service:
        yield service


@pytest.fixture
async def server(session_bus: DbusDaemon) -> AsyncIterator[NotificationServer]:
    """A notification server that can do everything."""
    async with NotificationServer(session_bus.address) as running:
        yield running


@asynccontextmanager
async def running_desktop(
    system: DbusDaemon, session: DbusDaemon, *, limit: int = 5, answer_s: float = 5.0, again_s: float = 5.0
) -> AsyncIterator[None]:
    """The desktop of ann."""
    board, changed = Board(user="ann", limit=limit), asyncio.Event()
    service = Service(board, user="ann", changed=changed)
    screen = Screen(board, changed=changed, pressed=service.answer, answer_s=answer_s, again_s=again_s)
    async with asyncio.TaskGroup() as group:
        shown = group.create_task(stay(session.address, screen, IN_A_HURRY))
        others = [group.create_task(stay(system.address, service, IN_A_HURRY)), group.create_task(service.carry_out())]
        yield
        if screen.leave():
            await asyncio.wait([shown], timeout=5)
        for task in (shown, *others):
            task.cancel()


@pytest.fixture
async def desktop(system_bus: DbusDaemon, session_bus: DbusDaemon, bus1: Bus1, server: NotificationServer) -> AsyncIterator[None]:
    """A desktop that has seen the daemon and the notification server."""
    async with running_desktop(system_bus, session_bus):
        await bus1.until(lambda: bus1.calls, "the question for open incidents")
        await server.until(lambda: server.calls, "the question for capabilities")
        yield
