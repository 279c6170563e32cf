"""A program that sends file descriptors is refused by the bus itself, because we did not ask for them: none ever reaches us."""

from __future__ import annotations

import os

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message

from tests.contract.dbus.station import Station, alert


@pytest.fixture
async def generous(dbus):
    """A program that can send file descriptors."""
    bus = await MessageBus(dbus.address, negotiate_unix_fd=True).connect()
    yield bus
    bus.disconnect()
    bus._sock.close()
    bus._stream.close()


@pytest.fixture
def descriptors():
    """Two that may be sent."""
    pair = os.pipe()
    yield list(pair)
    for each in pair:
        os.close(each)


async def test_a_call_with_file_descriptors_is_refused(dbus, generous, descriptors):
    async with Station(dbus.address) as station:
        await station.connected()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not looked at
        call = Message("org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager", "Submit", signature="hh", body=[0, 1])
        call.unix_fds = descriptors

        reply = await generous.call(call)

        assert before == len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert (MessageType.ERROR, "org.freedesktop.DBus.Error.NotSupported") == (reply.message_type, reply.error_name)
    assert [] == station.service.called


async def test_a_signal_with_file_descriptors_does_not_arrive(dbus, parties, generous, descriptors):
    async with Station(dbus.address) as station:
        await station.connected()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        signal = alert(0, 1, signature="hh")
        signal.unix_fds = descriptors

        await generous.send(signal)
        sender = await parties.join()
        await sender.link.send(alert("{}"))
        await station.got(1)

        assert before + 1 == len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the sender's own
    assert [b"{}"] == station.bodies
