"""The bus may be away, come and go, stall or refuse: we are on it again by ourselves, with everything that we had."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from dataclasses import replace

import pytest
from pydantic_core import to_json

from axion_bus.errors import BusUnavailable
from tests.contract.dbus.parties import Parties
from tests.contract.dbus.station import IN_A_HURRY, PATIENCE, Station, source
from tests.contract.running import until
from tests.fakes import NOON
from tests.servers import DbusDaemon

CREATED = to_json(
    {
        "type": "org.axion.bus.incident.created.v1",
        "id": "1",
        "data": {"incident": {"incident_guid": "g", "status": "CREATED"}, "reason": "matched", "by": "axion-bus"},
    }
)
RECEIVED = to_json({"type": "org.axion.bus.alert.received.v1"})
ECHO = ("org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager", "Echo", "s", ["hello"])


async def test_a_bus_that_is_not_there_yet_is_joined_when_it_is(tmp_path):
    server = DbusDaemon(tmp_path)
    async with Station(server.address, sources=[source()], patience=PATIENCE) as station:
        trouble = await station.in_trouble("cannot connect to the bus")
        with pytest.raises(BusUnavailable, match="cannot connect to the bus"):
            await station.bus.publish("/org/axion/Bus1", CREATED, is_event=True)
        with server:
            started = time.monotonic()
            await station.connected()
            joined_after_s = time.monotonic() - started

    assert "does it run?" in trouble
    assert joined_after_s < 2
    assert [] == station.losses.away


async def test_after_the_death_of_the_bus_all_is_made_anew_within_two_seconds_of_its_return(dbus):
    sources = [source(), source(interface="org.example.Oven", sender="org.example.Oven")]
    async with Station(dbus.address, sources=sources, patience=PATIENCE) as station:
        await station.connected()
        dbus.kill()
        await station.in_trouble("ended by the bus")
        station.clock.advance(seconds=7)

        dbus.start()
        returned = time.monotonic()
        await station.connected(2)
        async with Parties(dbus.address) as parties:
            party = await parties.join()
            await party.emit("hot")
            [received] = await station.got(1)
            answer = await party.link.call(*ECHO)
            anew_after_s = time.monotonic() - returned

    assert anew_after_s < 2
    assert ("dbus.sources[0]", ["hello"]) == (received.source, answer)
    assert [NOON] == station.losses.away
    assert station.bus.trouble is None


async def test_what_waits_for_a_bus_that_dies_does_not_hang(dbus):
    async with Station(dbus.address) as station:
        await station.connected()
        dbus.freeze()
        published = [station.bus.publish("/org/axion/Bus1", CREATED, is_event=True) for _ in range(100)]
        await asyncio.sleep(0)
        confirmed_while_stalled = sum(each.done() for each in published)

        dbus.kill()
        done, hanging = await asyncio.wait(published, timeout=10)

    assert (0, 100, set()) == (confirmed_while_stalled, len(done), hanging)
    assert all(isinstance(each.exception(), BusUnavailable) for each in done)


async def test_an_event_is_told_when_the_bus_has_dealt_with_it(dbus, parties):
    async with Station(dbus.address) as station:
        await station.connected()
        listener = await parties.join()
        await listener.hear("type='signal',sender='org.axion.Bus1',interface='org.axion.Bus1.Manager'")

        await asyncio.gather(*(station.bus.publish("/org/axion/Bus1", CREATED, is_event=True) for _ in range(300)))
        await station.bus.publish("/org/axion/Bus1", RECEIVED, is_event=True)
        await listener.ping()

    told = [each for each in listener.signals if each.member == "IncidentCreated"]
    assert (300, "g", "CREATED") == (len(told), told[0].body[0], told[0].body[1]["status"].value)


async def test_a_name_that_another_has_is_taken_when_it_is_free(dbus, parties):
    other = await parties.join()
    await other.link.request_name("org.axion.Bus1")
    async with Station(dbus.address, sources=[source()]) as station:
        trouble = await station.in_trouble("owned by another program")
        await until(lambda: station.bus._is_entered, "a connection")
        await other.emit("heard all the same")
        await station.got(1)
        was_connected = station.bus.is_connected
        with pytest.raises(BusUnavailable, match="owned by another program"):
            await station.bus.publish("/org/axion/Bus1", CREATED, is_event=True)

        await other.link.close()
        await station.connected()
        await station.bus.publish("/org/axion/Bus1", CREATED, is_event=True)

    assert "does a second axion-bus run?" in trouble
    assert (False, 1, None) == (was_connected, station.bus.connection, station.losses.away or None)


async def test_a_stalled_bus_is_waited_for_and_joined(dbus):
    dbus.freeze()
    async with Station(dbus.address) as station:
        await station.in_trouble("did not let us in within 1 s")
        dbus.resume()

        await station.connected()


async def test_a_bus_that_stalls_and_goes_on_is_not_left(dbus, parties):
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        sender = await parties.join()
        dbus.freeze()
        sent = [sender.emit(str(number)) for number in range(100)]
        await asyncio.gather(*sent)
        dbus.resume()
        await station.got(100)

    assert (1, []) == (station.bus.connection, station.losses.away)


async def test_two_hundred_reconnections_leave_no_file_open(dbus):
    at_once = replace(IN_A_HURRY, retry_max_s=0.002)
    async with Station(dbus.address, sources=[source()], patience=at_once) as station:
        await station.connected()
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not looked at
        for number in range(200):
            station.bus._session.link._end("a test")
            await station.connected(number + 2)
        after = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        tasks = [task for task in asyncio.all_tasks() if (task.get_name() or "").startswith(("dbus", "sender"))]

    assert (before, []) == (after, tasks)
    assert 200 == len(station.losses.away)


async def test_a_bus_that_refuses_to_let_us_listen_is_trouble(tmp_path):
    deny = '<deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus" send_member="AddMatch"/>'
    lines = ['<policy context="mandatory">', deny, "</policy>"]
    with DbusDaemon(tmp_path, lines=lines) as server:
        async with Station(server.address) as station:
            trouble = await station.in_trouble("does not let us listen")

    assert "AccessDenied" in trouble


async def test_a_bus_that_is_left_has_our_name_to_give(dbus, parties):
    async with Station(dbus.address) as station:
        await station.connected()

    heir = await parties.join()

    await heir.link.request_name("org.axion.Bus1")
