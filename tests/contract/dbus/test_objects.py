"""What the service shows: objects, properties, introspection; and what is not there."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from dbus_next.signature import Variant

from axion_bus.buses.dbus.tree import path_of
from axion_bus.buses.dbus.values import plain
from tests.builders import an_incident
from tests.contract.dbus.served import BUS_ERROR, GUID, INCIDENT, MANAGER, PROPERTIES, ROOT, Client, Served


@pytest.fixture
async def client(parties):
    return Client(await parties.join())


@pytest.fixture
async def station(dbus):
    async with Served(dbus.address, incidents=[an_incident(guid=GUID, title="Disk full")]) as station:
        yield await station.connected()


@pytest.mark.parametrize(
    ("path", "called", "expected"),
    [
        ("/org/axion/Bus2", (MANAGER, "Submit", "s", ["{}"]), "UnknownObject"),
        (f"{ROOT}/incidents/xyz", (INCIDENT, "Acknowledge", "s", ["ada"]), "UnknownObject"),
        (path_of("f" * 32), (PROPERTIES, "GetAll", "s", [INCIDENT]), "UnknownObject"),
        (ROOT, ("org.axion.Bus2.Manager", "Submit", "s", ["{}"]), "UnknownInterface"),
        (ROOT, (INCIDENT, "Acknowledge", "s", ["ada"]), "UnknownInterface"),
        (f"{ROOT}/incidents", (MANAGER, "Submit", "s", ["{}"]), "UnknownInterface"),
        ("/", (MANAGER, "Submit", "s", ["{}"]), "UnknownInterface"),
        (ROOT, (MANAGER, "submit", "s", ["{}"]), "UnknownMethod"),
        (ROOT, (None, "Nothing", "", []), "UnknownMethod"),
        (ROOT, (PROPERTIES, "Get", "s", [MANAGER]), "InvalidArgs"),
        (ROOT, (PROPERTIES, "Get", "ss", ["org.example.Boiler", "Version"]), "UnknownInterface"),
        (ROOT, (PROPERTIES, "GetAll", "s", ["org.example.Boiler"]), "UnknownInterface"),
        (ROOT, (PROPERTIES, "Get", "ss", [MANAGER, "Temperature"]), "UnknownProperty"),
        (ROOT, (PROPERTIES, "Set", "ssv", [MANAGER, "Temperature", Variant("s", "")]), "UnknownProperty"),
        (ROOT, (PROPERTIES, "Set", "ssv", [MANAGER, "Version", Variant("s", "")]), "PropertyReadOnly"),
        (path_of(GUID), (PROPERTIES, "Set", "ssv", [INCIDENT, "Title", Variant("s", "")]), "PropertyReadOnly"),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_answered_with_the_error_of_the_bus(station, client, path, called, expected):
    refused = await client.refused(*called, path=path)

    assert (f"{BUS_ERROR}.{expected}", []) == (refused, station.received)


async def test_an_incident_shows_its_fields(station, client):
    [managed] = await client.call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    [everything] = await client.call(PROPERTIES, "GetAll", "s", [INCIDENT], path=path_of(GUID))
    [title] = await client.call(PROPERTIES, "Get", "ss", [INCIDENT, "Title"], path=path_of(GUID))
    [nameless] = await client.call(PROPERTIES, "GetAll", "s", [""], path=path_of(GUID))

    assert ({path_of(GUID): {INCIDENT: plain(everything)}}, "Disk full") == (plain(managed), title.value)
    assert plain(everything) == plain(nameless)
    assert ("s", "u") == (title.signature, everything["Version"].signature)


@pytest.mark.parametrize(
    ("path", "children"),
    [
        ("/", ["org"]), ("/org", ["axion"]), ("/org/axion", ["Bus1"]), (ROOT, ["incidents"]),
        (f"{ROOT}/incidents", [GUID.replace("-", "")]), (path_of(GUID), []),
    ],
)  # fmt: skip
async def test_the_objects_are_found_from_the_root_on(station, client, path, children):
    [xml] = await client.call("org.freedesktop.DBus.Introspectable", "Introspect", path=path)

    assert children == [each.get("name") for each in ET.fromstring(xml).findall("node")]


async def test_anybody_can_be_pinged(station, client):
    assert [] == await client.call("org.freedesktop.DBus.Peer", "Ping", path="/nobody/here")


async def test_an_answer_that_is_too_large_is_an_error(dbus, client):
    incidents = [an_incident(guid=f"{number:032}", description="x" * 4096) for number in range(4200)]
    async with Served(dbus.address, incidents=incidents) as station:
        await station.connected()

        refused = await client.refused("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")

        assert f"{BUS_ERROR}.LimitsExceeded" == refused
