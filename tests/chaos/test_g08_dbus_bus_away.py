"""G8 on D-Bus: the daemon starts without a bus, and lives through its bus being killed and frozen under load."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from axion_bus.buses.dbus.link import Link
from tests.chaos import ledger
from tests.chaos.dbus import CALL_S, gaps, section, settled, start_on_bus, submitting, unkept
from tests.contract.dbus.parties import Parties
from tests.contract.dbus.station import alert
from tests.contract.running import until
from tests.gdbus import MANAGER, NAME, ROOT
from tests.servers import DbusDaemon

pytestmark = pytest.mark.chaos

SOURCE = """
[[dbus.sources]]
interface = "org.example.Boiler"
mapping = { title = "args[0]", id = "args[0]" }
"""
OBJECTS = ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")


@pytest.fixture
def dbus(tmp_path):
    server = DbusDaemon(tmp_path)
    yield server
    if server.is_running:
        server.resume()
        server.stop()


@pytest.fixture
def daemon(dbus, broker, sqlite_url, make_daemon):
    return make_daemon(store=sqlite_url, broker=broker.url, more=section(dbus, SOURCE))


def has_alert(store, key):
    return ledger.count(store, "data_incident_communication", "Direction = 'INBOUND' AND ExternalId = %s", key) == 1


async def prove(dbus, store, key):
    """That the daemon has its name, answers, shows its objects and hears signals; returns when it does."""
    while True:
        try:
            link = await Link.open(dbus.address, take=lambda _: None, timeout_s=2)
            break
        except Exception:  # noqa: BLE001 - until it is there
            await asyncio.sleep(0.01)
    async with Parties(dbus.address) as parties:
        parties.links.append(link)
        await until_owned(link)
        sender = await parties.join()
        await sender.emit(f"signal-{key}")
        await sender.link.send(alert(f'{{"id": "native-{key}", "title": "Told by a signal"}}'))
        (version,) = await link.call(NAME, ROOT, "org.freedesktop.DBus.Properties", "Get", "ss", [MANAGER, "Version"])
        (objects,) = await link.call(NAME, ROOT, *OBJECTS)
        proved_at = time.monotonic()
        await until(lambda: has_alert(store, f"signal-{key}"), "a configured signal is accepted")
        await until(lambda: has_alert(store, f"native-{key}"), "a native alert is accepted")
    assert version.value
    assert isinstance(objects, dict)
    return proved_at


async def more_answers(submitters):
    before = [len(each.answered) for each in submitters]
    await until(
        lambda: all(len(each.answered) > number for each, number in zip(submitters, before, strict=True)), "an answer to each"
    )


async def until_owned(link):
    deadline = time.monotonic() + 20
    while True:
        (is_owned,) = await link.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", [NAME]
        )
        if is_owned:
            return
        assert time.monotonic() < deadline, "nobody owns the name"
        await asyncio.sleep(0.01)


async def test_a_daemon_that_starts_before_the_bus_is_ready_and_joins_it_within_two_seconds(dbus, daemon, sqlite_url):
    await asyncio.to_thread(daemon.start)
    await until(lambda: daemon.logged("dbus_away"), "the daemon found no bus")

    await asyncio.to_thread(dbus.start)
    returned = time.monotonic()
    proved_at = await prove(dbus, sqlite_url, "first")

    assert proved_at - returned < 2
    assert any("dbus cannot connect to the bus" in text and "does it run?" in text for text in daemon.notifications)
    assert [] == gaps(sqlite_url)


async def test_a_bus_that_is_killed_under_load_costs_no_answered_alert_and_no_event(dbus, daemon, sqlite_url, dice, is_long):
    dbus.start()
    await start_on_bus(daemon)
    times = 20 if is_long else 3
    anew_after_s = []
    async with submitting(dbus) as submitters:
        for number in range(times):
            await until(lambda: all(len(each.answered) > 5 for each in submitters), "answers")
            await asyncio.sleep(dice.uniform(0, 0.5))
            dbus.kill()
            await asyncio.sleep(dice.uniform(0, 3))
            await asyncio.to_thread(dbus.start)
            returned = time.monotonic()
            anew_after_s.append(await prove(dbus, sqlite_url, number) - returned)
            await more_answers(submitters)
    await settled(sqlite_url)

    assert [] == unkept(sqlite_url, submitters)
    assert times == len(gaps(sqlite_url))
    assert max(anew_after_s) < 2
    assert max(each.slowest_s for each in submitters) < CALL_S
    assert daemon.is_running
    assert [] == daemon.logged("dbus_message_not_taken")


async def test_events_that_the_bus_did_not_take_are_told_when_it_does(dbus, daemon, sqlite_url):
    dbus.start()
    await start_on_bus(daemon)
    async with submitting(dbus) as submitters:
        await until(lambda: all(len(each.answered) > 20 for each in submitters), "answers")
        dbus.freeze()
        await asyncio.sleep(1)
        dbus.resume()
        await more_answers(submitters)
    await settled(sqlite_url)

    assert [] == unkept(sqlite_url, submitters)
    assert (1, []) == (len(daemon.logged("dbus_connected")), gaps(sqlite_url))


async def test_a_bus_that_stalls_for_long_loses_nothing(dbus, daemon, sqlite_url, is_long):
    dbus.start()
    await start_on_bus(daemon)
    async with submitting(dbus) as submitters:
        await until(lambda: all(len(each.answered) > 20 for each in submitters), "answers")
        dbus.freeze()
        await asyncio.sleep(60 if is_long else 12)
        dbus.resume()
        await prove(dbus, sqlite_url, "afterwards")
    await settled(sqlite_url)

    assert [] == unkept(sqlite_url, submitters)
    assert daemon.is_running


async def test_reconnections_leave_no_file_open(dbus, daemon, is_long):
    dbus.start()
    await start_on_bus(daemon)
    times = 200 if is_long else 5
    before = open_files(daemon)
    for number in range(times):
        dbus.kill()
        await asyncio.to_thread(dbus.start)
        await until(lambda number=number: len(daemon.logged("dbus_connected")) >= number + 2, "the daemon is on the bus")

    await until(lambda: open_files(daemon) <= before, lambda: f"{before} open files; there are {open_files(daemon)}")

    assert daemon.is_running


def open_files(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))  # noqa: PTH208 - counted, not looked at


async def test_a_daemon_ends_in_order_while_its_bus_stands_still(dbus, daemon):
    dbus.start()
    await start_on_bus(daemon)
    dbus.freeze()
    began = time.monotonic()

    code = await asyncio.to_thread(daemon.stop)

    assert 0 == code
    assert time.monotonic() - began < 10
