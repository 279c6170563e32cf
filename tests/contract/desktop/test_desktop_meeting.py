"""What changes while it is being found out: answers that are older than what the bus told since are not believed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from dbus_next.message import Message

from axion_bus.desktop.board import Board
from axion_bus.desktop.screen import Screen
from axion_bus.desktop.service import Service
from axion_bus.desktop.staying import stay
from tests.contract.desktop.conftest import IN_A_HURRY
from tests.desktop import a_view
from tests.servers.bus1 import Bus1
from tests.servers.notifications import NotificationServer

DBUS = "org.freedesktop.DBus"


@asynccontextmanager
async def staying(address, guest):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stay(address, guest, IN_A_HURRY))
        yield
        task.cancel()


def owner_changed(name, new):
    signal = Message.new_signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged", "sss", [name, ":1.1", new])
    signal.sender = DBUS
    return signal


def once(service, member, act):
    """Do ``act`` the first time that ``member`` is called, before it is answered."""
    answer, done = service.answer, []

    def answered(call):
        if call.member == member and not done:
            done.append(call)
            act()
        return answer(call)

    service.answer = answered


async def test_a_notification_server_that_changes_while_it_is_met_is_met_again(session_bus, server):
    board = Board(user="ann")
    board.told(a_view(1))
    screen = Screen(board, changed=asyncio.Event(), pressed=lambda _guid, _answer: None)
    once(server, "GetCapabilities", lambda: screen.take(owner_changed(server.name, ":1.99")))
    async with staying(session_bus.address, screen):
        await server.until(lambda: server.seen)

    assert ["GetCapabilities", "GetCapabilities", "Notify"] == [member for member, _ in server.calls][:3]


async def test_what_a_daemon_that_left_said_last_is_not_shown(system_bus):
    board = Board(user="ann")
    service = Service(board, user="ann", changed=asyncio.Event())
    async with Bus1(system_bus.address, a_view(1)) as bus1, NotificationServer(system_bus.address) as other:
        once(bus1, "GetManagedObjects", lambda: service.take(owner_changed(bus1.name, other.unique_name)))
        async with staying(system_bus.address, service):
            await other.until(lambda: other.calls)

    assert {} == board.notices()
