"""The policy that is shipped for the system bus: who runs the daemon may own its name, members may ask, all others look and listen.

On a private bus configured as the system's is. As root, another user is a real one; else the policy is written for somebody else.
"""

from __future__ import annotations

import configparser
import getpass
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dbus_next.message import Message

from axion_bus.buses.dbus.link import DbusRefused
from axion_bus.errors import BusUnavailable
from tests.contract.dbus.parties import Parties
from tests.contract.dbus.station import Station, alert
from tests.servers import DbusDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = Path(__file__).parents[3] / "config/dbus"
POLICY = (SHIPPED / "org.axion.Bus1.conf").read_text("utf-8")
NAME, ROOT, MANAGER = "org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NOBODY = 65534


@contextmanager
def as_another_user() -> Iterator[None]:
    """Whoever connects meanwhile is another user: the bus asks the kernel who did. Only root can be."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def written_for(file: Path, user: str) -> Path:
    file.write_text(POLICY.replace('user="axion-bus"', f'user="{user}"').replace('group="axion-bus"', 'group="daemon"'))
    return file


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The shipped policy, for root as it is; for anybody else it is written for us, as it is for axion-bus."""
    return written_for(tmp_path / "policy.conf", getpass.getuser())


@pytest.fixture(params=["system-like"])
def system(request: pytest.FixtureRequest, tmp_path: Path, policy: Path) -> Iterator[DbusDaemon]:
    """A bus like the system's, with our policy; or one where everybody may do what no policy denies."""
    everybody = ['<policy context="default">', '<allow user="*"/>', "</policy>"]  # an open bus lets only its own user in
    with DbusDaemon(tmp_path, request.param, policies=[policy], lines=everybody) as server:
        yield server


@pytest.fixture
async def parties(system: DbusDaemon):
    async with Parties(system.address) as everybody:
        yield everybody


@pytest.fixture
def stranger(parties: Parties, policy: Path, system: DbusDaemon):
    """Joins as another user."""

    async def join():
        if os.getuid() != 0:
            written_for(policy, "daemon")
            admin = await parties.join()
            await admin.link.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig")
        with as_another_user():
            return await parties.join()

    return join


async def test_the_daemon_owns_its_name_and_hears_calls_and_alerts(system, parties):
    async with Station(system.address) as station:
        await station.connected()
        client = await parties.join()
        await client.link.send(alert("{}"))
        await station.got(1)

        answer = await client.link.call(NAME, ROOT, MANAGER, "Submit", "s", ["{}"])

    assert (None, ["{}"]) == (station.bus.trouble, answer)


@pytest.mark.parametrize("system", ["system-like", None], indirect=True, ids=["closed bus", "open bus"])
async def test_a_stranger_cannot_own_the_name(stranger):
    party = await stranger()

    with pytest.raises(BusUnavailable, match=f"does not let us own {NAME}.*is its policy .* installed"):
        await party.link.request_name(NAME)


@pytest.mark.parametrize(
    ("interface", "member"),
    [
        (MANAGER, "Submit"),
        (MANAGER, "CloseIncident"),
        (MANAGER, "CreateIncident"),
        (MANAGER, "LookupRef"),
        ("org.axion.Bus1.Incident", "Acknowledge"),
        ("org.axion.Bus1.Incident", "Close"),
        ("org.freedesktop.DBus.Properties", "Set"),
    ],
)
async def test_a_stranger_cannot_ask_for_what_changes_something(system, stranger, interface, member):
    async with Station(system.address) as station:
        await station.connected()
        party = await stranger()

        with pytest.raises(DbusRefused) as raised:
            await party.link.call(NAME, ROOT, interface, member, "s", ["x"])

    assert (ACCESS_DENIED, []) == (raised.value.name, station.service.called)


@pytest.mark.parametrize(
    ("interface", "member"),
    [
        (MANAGER, "GetIncident"),
        (MANAGER, "ListIncidents"),
        ("org.freedesktop.DBus.Properties", "GetAll"),
        ("org.freedesktop.DBus.Introspectable", "Introspect"),
        ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
    ],
)
async def test_a_stranger_can_look(system, stranger, interface, member):
    async with Station(system.address) as station:
        await station.connected()
        party = await stranger()

        assert ["x"] == await party.link.call(NAME, ROOT, interface, member, "s", ["x"])


async def test_a_stranger_can_listen(system, stranger):
    async with Station(system.address) as station:
        await station.connected()
        party = await stranger()
        await party.link.add_match(f"type='signal',sender='{NAME}'")

        await station.bus.confirmed(Message.new_signal(ROOT, MANAGER, "IncidentCreated", "s", ["guid"]))
        await party.ping()

    assert ["IncidentCreated"] == [each.member for each in party.signals if each.interface == MANAGER]


async def test_a_stranger_can_neither_send_alerts_nor_speak_for_the_daemon(system, parties, stranger):
    async with Station(system.address) as station:
        await station.connected()
        listener, party = await parties.join(), await stranger()
        await listener.link.add_match("type='signal'")

        await party.link.send(alert("{}"))
        await party.link.send(Message.new_signal(ROOT, MANAGER, "IncidentClosed", "s", ["guid"]))
        await party.link.send(Message.new_signal(ROOT, "org.example.Any", "Told", "s", ["heard"]))
        await party.ping()
        await listener.ping()
        await station.settled()

    assert [] == station.received
    assert ["Told"] == [each.member for each in listener.signals if each.sender == party.link.unique_name]


def test_the_activation_file_starts_the_unit_that_is_shipped():
    file = configparser.ConfigParser()
    file.read(SHIPPED / "org.axion.Bus1.service")
    service = file["D-BUS Service"]
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(SHIPPED.parents[1] / "systemd" / service["SystemdService"])

    assert (NAME, unit["Service"]["User"]) == (service["Name"], service["User"])
