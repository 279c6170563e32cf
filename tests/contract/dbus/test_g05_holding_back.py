"""What cannot be taken is left on the bus for a while, then dropped and told; who calls is told that we are busy."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.buses.dbus import trust
from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused
from axion_bus.errors import BusUnavailable
from tests.contract.dbus.parties import Party, signal
from tests.contract.dbus.station import Station, source
from tests.contract.running import until
from tests.fakes import NOON

ECHO = ("org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager", "Echo", "s", ["hello"])


async def emitting(sender: Party, count: int) -> None:
    for number in range(count):
        await sender.link.send(signal(str(number)))
    await sender.ping()


async def test_a_short_pause_costs_nothing(dbus, parties):
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        sender = await parties.join()
        await sender.emit("so that it is known")
        await station.got(1)

        station.bus.pause()
        station.bus.pause()
        await emitting(sender, 300)
        taken_in_pause = len(station.received)
        station.bus.resume()
        station.bus.resume()
        await station.got(301)

    assert (1, []) == (taken_in_pause, station.losses.overflows)
    assert [str(number) for number in range(300)] == [each["args"][0] for each in station.documents[1:]]


async def test_after_a_long_pause_it_is_told_what_was_dropped(dbus, parties):
    async with Station(dbus.address, sources=[source()], held_for_s=0.05) as station:
        await station.connected()
        sender = await parties.join()
        station.bus.pause()
        await until(lambda: station.service.is_busy, "a service that is busy")

        await emitting(sender, 300)
        await until(lambda: station.bus._parts.valve._dropped == 300, "300 dropped signals")
        station.bus._parts.valve.tell()
        told_in_pause = list(station.losses.overflows)
        station.bus.resume()
        await sender.emit("after")
        await station.got(1)

    assert ([], [300]) == (told_in_pause, station.losses.overflows)
    assert [["after"]] == [each["args"] for each in station.documents]
    assert not station.service.is_busy


async def test_in_a_long_pause_callers_are_answered_that_we_are_busy(dbus, parties):
    async with Station(dbus.address, held_for_s=0.05) as station:
        await station.connected()
        client = await parties.join()
        station.bus.pause()

        with pytest.raises(DbusRefused, match="busy"):
            await client.link.call(*ECHO)
        station.bus.resume()

        assert ["hello"] == await client.link.call(*ECHO)


async def test_a_pause_that_ended_in_time_makes_nobody_busy_later(dbus, parties):
    loop = asyncio.get_running_loop()
    async with Station(dbus.address, sources=[source()], held_for_s=0.05) as station:
        await station.connected()
        began = loop.time()
        station.bus.pause()
        station.bus.resume()
        sender = await parties.join()
        await until(lambda: loop.time() - began > 0.1, "the time at which a pause would be too long")

        await sender.emit("after")
        await station.got(1)

    assert ([], False) == (station.losses.overflows, station.service.is_busy)


async def test_a_pause_lasts_over_a_reconnection(dbus, parties):
    async with Station(dbus.address, sources=[source()], held_for_s=60) as station:
        await station.connected()
        station.bus.pause()

        dbus.restart()
        station.bus._session.link.resume()  # so that the end is seen at once, and not at the end of the pause
        await station.connected(2)
        with pytest.raises(BusUnavailable, match="did not answer GetId"):
            await station.bus._session.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId", timeout_s=0.1)
        sender = await parties.join()
        await emitting(sender, 10)
        station.bus.resume()
        await station.got(10)

    assert [str(number) for number in range(10)] == [each["args"][0] for each in station.documents]


@pytest.mark.parametrize(("bound", "value"), [("_WAITING_MESSAGES", 100), ("_WAITING_BYTES", 10_000)])
async def test_a_flood_of_strangers_is_bounded_and_told(dbus, parties, monkeypatch, bound, value):
    monkeypatch.setattr(trust, bound, value)
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        sender = await parties.join()
        station.bus._session.link.pause()
        await emitting(sender, 500)

        station.bus._session.link.resume()
        await until(lambda: station.losses.overflows, "a gap that is told")
        await station.got(1)
        stranger = await parties.join()
        await stranger.emit("after")
        await until(lambda: station.documents[-1]["args"] == ["after"], "what came when the flood was over")

    assert 501 == len(station.received) + sum(station.losses.overflows)
    assert 60 < len(station.received) < 500
    assert 0 == station.bus._parts.valve._dropped


async def test_when_was_told_with_how_many(dbus, parties):
    told = []
    async with Station(dbus.address, sources=[source()], held_for_s=0.01) as station:
        await station.connected()
        station.losses.told_overflow = lambda count, since: told.append((count, since))
        sender = await parties.join()
        station.bus.pause()
        await until(lambda: station.service.is_busy, "a service that is busy")
        await sender.emit("1")
        await until(lambda: station.bus._parts.valve._dropped, "a dropped signal")
        station.bus.resume()

    assert [(1, NOON)] == told
