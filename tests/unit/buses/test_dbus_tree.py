"""The objects of open incidents: what comes, changes and goes, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from axion_bus.buses.dbus.interfaces import INCIDENT, MANAGER
from axion_bus.buses.dbus.tree import Tree, path_of
from axion_bus.buses.dbus.values import plain
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.errors import BusUnavailable
from axion_bus.formats.events import encode_state
from axion_bus.ports import Outgoing
from tests.builders import an_incident
from tests.fakes import NOON, MemoryStore

GUID = "01a21021-dba7-7001-bb75-482adbd3e9de"
PATH = "/org/axion/Bus1/incidents/01a21021dba77001bb75482adbd3e9de"


class Carrier:
    """``tree.Carrier`` that remembers what was sent."""

    def __init__(self):
        self.connection = 1
        self.sent = []
        self.futures = []
        self.is_slow = False

    def send(self, message):
        self.sent.append(message)
        future = asyncio.get_running_loop().create_future()
        if not self.is_slow:
            future.set_result(None)
        self.futures.append(future)
        return future

    def told(self):
        """What was sent since it was asked last, but for the count of incidents."""
        sent, self.sent = self.sent, []
        return [(each.member, plain(each.body)) for each in sent if each.body[0] != MANAGER]


@pytest.fixture
def bus():
    return Carrier()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def tree(bus, store):
    return Tree(store=store, bus=bus, version="1.2", instance="test")


def outgoing(incident):
    message = json.dumps({"data": {"incident": json.loads(encode_state(incident))}})
    return Outgoing("guid", incident.guid, 1, "/org/axion/Bus1", message, 0, {})


async def many_turns():
    """Let everything happen that waits for nothing."""
    for _ in range(100):
        await asyncio.sleep(0)


def opened(**given):
    return an_incident(**{"guid": GUID, "title": "Disk full", "version": 1, **given})


def closed(incident):
    return replace(
        incident, status=IncidentStatus.CLOSED, close_reason=CloseReason.RESOLVED, closed_at=NOON, version=incident.version + 1
    )


def test_the_path_of_an_incident_is_its_guid_without_dashes():
    assert PATH == path_of(GUID)


async def test_an_incident_that_is_opened_has_an_object(tree, bus):
    tree.show(outgoing(opened()))

    [(member, (path, interfaces))] = bus.told()
    assert ("InterfacesAdded", PATH) == (member, path)
    assert {"IncidentGuid": GUID, "Title": "Disk full", "Version": 1, "AssignedTo": ""}.items() <= interfaces[INCIDENT].items()
    assert interfaces == plain(tree.managed()[PATH])


async def test_what_changes_is_told_and_nothing_else(tree, bus):
    tree.show(outgoing(opened()))
    bus.told()

    tree.show(outgoing(opened(assigned_to="ada", version=2)))

    assert [("PropertiesChanged", [INCIDENT, {"AssignedTo": "ada", "Version": 2}, []])] == bus.told()
    assert "ada" == tree.properties(PATH, INCIDENT)["AssignedTo"].value


@pytest.mark.parametrize("version", [1, 2])
async def test_what_is_told_late_changes_nothing(tree, bus, version):
    tree.show(outgoing(opened(title="new", version=2)))
    bus.told()

    tree.show(outgoing(opened(title="old", version=version)))

    assert ([], "new") == (bus.told(), tree.properties(PATH, INCIDENT)["Title"].value)


async def test_a_closed_incident_has_no_object(tree, bus):
    tree.show(outgoing(opened()))
    bus.told()

    tree.show(outgoing(closed(opened())))
    tree.show(outgoing(closed(opened())))

    assert [("InterfacesRemoved", [PATH, [INCIDENT]])] == bus.told()
    assert (None, {}) == (tree.properties(PATH, INCIDENT), tree.managed())


async def test_an_event_about_no_incident_changes_nothing(tree, bus):
    tree.show(Outgoing("guid", None, None, "/org/axion/Bus1", '{"data": {}}', 0, {}))

    assert [] == bus.told()


async def test_after_a_connection_the_objects_are_what_the_database_has(tree, bus, store):
    gone, changed, new = opened(), opened(guid="b" * 36), opened(guid="c" * 36)
    tree.show(outgoing(gone))
    tree.show(outgoing(changed))
    bus.told()
    for incident in (closed(gone), replace(changed, title="New", version=2), new):
        store.tables.incidents[incident.guid] = incident

    await tree.resynchronise()

    assert ["PropertiesChanged", "InterfacesAdded", "InterfacesRemoved"] == [member for member, _ in bus.told()]
    assert {path_of(changed.guid), path_of(new.guid)} == set(tree.paths)


async def test_more_incidents_than_a_page_are_shown(tree, store):
    for number in range(250):
        incident = opened(guid=f"{number:036}")
        store.tables.incidents[incident.guid] = incident

    await tree.resynchronise()

    assert 250 == len(tree.managed()) == tree.properties("/org/axion/Bus1", MANAGER)["OpenIncidents"].value


async def test_what_is_opened_all_the_time_does_not_hold_up_its_own_events(tree, bus, store, monkeypatch):
    open_at_first = [opened(guid=f"{number:036}") for number in range(300)]
    store.tables.incidents.update((each.guid, each) for each in open_at_first)
    send = bus.send

    def opens_another(message):
        if len(bus.sent) < 5000:
            another = opened(guid=f"{1000 + len(bus.sent):036}")
            store.tables.incidents[another.guid] = another
        return send(message)

    monkeypatch.setattr(bus, "send", opens_another)
    await tree.resynchronise()

    assert len(open_at_first) == tree.properties("/org/axion/Bus1", MANAGER)["OpenIncidents"].value


async def test_very_many_incidents_are_shown_as_fast_as_the_bus_takes_them(tree, bus, store):
    for number in range(250):
        incident = opened(guid=f"{number:036}")
        store.tables.incidents[incident.guid] = incident
    bus.is_slow = True
    showing = asyncio.ensure_future(tree.resynchronise())
    await many_turns()
    before = len(tree.managed())

    bus.is_slow = False
    bus.futures[-1].set_result(None)
    await showing

    assert (100, 250) == (before, len(tree.managed()))


async def test_what_the_bus_did_not_take_is_shown_again_whole(tree, bus, store):
    store.tables.incidents[GUID] = opened()
    bus.is_slow = True
    showing = asyncio.ensure_future(tree.resynchronise())
    await many_turns()
    bus.futures[-1].set_exception(BusUnavailable("the connection was lost"))
    with pytest.raises(BusUnavailable):
        await showing
    bus.told()

    bus.is_slow = False
    await tree.resynchronise()

    assert ["InterfacesAdded"] == [member for member, _ in bus.told()]


async def test_what_was_lost_with_a_connection_does_not_matter_on_the_next_one(tree, bus):
    bus.is_slow = True
    tree.tell_state("busy")
    bus.futures[-1].set_exception(BusUnavailable("the connection was lost"))
    bus.connection = 2

    await tree.resynchronise()

    bus.futures[-1].exception()
    assert {} == tree.managed()


async def test_the_database_is_asked_once_for_each_connection(tree, bus, store):
    await tree.resynchronise()
    store.tables.incidents[GUID] = opened()

    await tree.resynchronise()
    before = bus.told()
    bus.connection = 2
    await tree.resynchronise()

    assert ([], ["InterfacesAdded"]) == (before, [member for member, _ in bus.told()])


async def test_the_manager_tells_how_many_incidents_are_open(tree, bus):
    tree.show(outgoing(opened()))
    tree.show(outgoing(closed(opened())))

    counts = [plain(each.body[1]) for each in bus.sent if each.body[0] == MANAGER]
    assert [{"OpenIncidents": 1}, {"OpenIncidents": 0}] == counts


async def test_the_manager_tells_its_state_when_it_changes(tree, bus):
    for state in ("running", "busy", "busy", "running"):
        tree.tell_state(state)

    assert [{"State": "busy"}, {"State": "running"}] == [plain(each.body[1]) for each in bus.sent]
    assert {"Version": "1.2", "Instance": "test", "State": "running", "OpenIncidents": 0} == plain(
        tree.properties("/org/axion/Bus1", MANAGER)
    )


async def test_a_long_description_is_cut(tree):
    tree.show(outgoing(opened(description="x" * 10_000)))

    assert 4096 == len(tree.properties(PATH, INCIDENT)["Description"].value)
