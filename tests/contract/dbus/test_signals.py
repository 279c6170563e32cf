"""Signals that are asked for become messages for the intake, read as their source says; all others are nobody's."""

from __future__ import annotations

import json
import os

import pytest
from dbus_next.message import Message
from dbus_next.signature import Variant

from axion_bus.domain.communication import Channel, Fault
from tests.contract.dbus.parties import INTERFACE, PATH, signal
from tests.contract.dbus.station import Station, alert, faults, source
from tests.contract.running import until

TEMPERATURE = Message.new_signal(
    PATH,
    "org.freedesktop.DBus.Properties",
    "PropertiesChanged",
    "sa{sv}as",
    [INTERFACE, {"Temperature": Variant("d", 95.5)}, ["Pressure"]],
)

DESCRIBED = [
    ({}, True),
    ({"member": "Overheated"}, True),
    ({"member": "Cooled"}, False),
    ({"path": PATH}, True),
    ({"path": "/org/example"}, False),
    ({"path_namespace": "/org/example"}, True),
    ({"path_namespace": PATH}, True),
    ({"path_namespace": "/"}, True),
    ({"path_namespace": "/org/exam"}, False),
    ({"arg0": "upper"}, True),
    ({"arg0": "lower"}, False),
    ({"arg0": "it's"}, False),
    ({"sender": "org.example.Nobody"}, False),
    ({"interface": "org.example.Oven"}, False),
]


async def test_an_alert_signal_is_a_native_alert_without_being_configured(dbus, parties):
    async with Station(dbus.address) as station:
        await station.connected()
        sender = await parties.join()

        await sender.link.send(alert('{"title": "Disk full"}'))
        [received] = await station.got(1)

    assert (Channel.DBUS, "/org/example/Any", b'{"title": "Disk full"}', None, None, None) == (
        received.channel,
        received.address,
        received.body,
        received.source,
        received.request,
        received.refusal,
    )
    assert {"name": sender.link.unique_name, "uid": os.getuid(), "pid": os.getpid()} == received.sender
    assert station.clock.now() == received.received_at
    received.ack([])


async def test_a_configured_signal_is_a_document_for_its_mapping(dbus, parties):
    sources = [source(member="Cooled"), source(member="Overheated", path=PATH)]
    async with Station(dbus.address, sources=sources) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("upper", 95.5, [b"/dev/boiler\0"], signature="sdaay")
        [received] = await station.got(1)

    assert ("dbus.sources[1]", PATH) == (received.source, received.address)
    assert [
        {
            "sender": sender.link.unique_name,
            "path": PATH,
            "interface": INTERFACE,
            "member": "Overheated",
            "args": ["upper", 95.5, ["/dev/boiler"]],
        }
    ] == station.documents


async def test_without_a_mapping_its_one_text_is_read(dbus, parties):
    async with Station(dbus.address, sources=[source(format="text")]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("Boiler on fire")
        await sender.emit("Boiler", "on fire")
        received = await station.got(2)

    assert b"Boiler on fire" == received[0].body
    assert [None, Fault.WRONG_TYPE] == faults(received)
    assert 'its signature is "ss", not "s"; give dbus.sources[0] a mapping' == received[1].refusal.detail
    assert ["Boiler", "on fire"] == json.loads(received[1].body)["args"]


@pytest.mark.parametrize(("keys", "is_heard"), DESCRIBED)
async def test_only_what_a_source_describes_is_heard(dbus, parties, keys, is_heard):
    async with Station(dbus.address, sources=[source(**keys)]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("upper")
        await sender.link.send(alert("{}"))
        await until(lambda: b"{}" in station.bodies, "the last message")

    assert (["dbus.sources[0]"] if is_heard else []) == [each.source for each in station.received if each.source]


@pytest.mark.parametrize(("keys", "is_heard"), DESCRIBED)
async def test_what_was_asked_for_by_another_source_is_looked_at_again(dbus, parties, keys, is_heard):
    async with Station(dbus.address, sources=[source(**keys), source()]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("upper")
        [received] = await station.got(1)

    assert ("dbus.sources[0]" if is_heard else "dbus.sources[1]") == received.source


async def test_of_what_is_too_large_the_bus_knows_the_first_argument(dbus, parties):
    async with Station(dbus.address, sources=[source(arg0="upper")]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("upper", "x" * 400_000)
        [received] = await station.got(1)

    assert ("dbus.sources[0]", Fault.TOO_LARGE) == (received.source, received.refusal.fault)


async def test_an_apostrophe_in_a_rule_is_quoted(dbus, parties):
    async with Station(dbus.address, sources=[source(arg0="it's 'hot'")]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("it's 'hot'")
        [received] = await station.got(1)

    assert "dbus.sources[0]" == received.source


async def test_a_sender_has_to_own_its_name_when_it_sends(dbus, parties):
    async with Station(dbus.address, sources=[source(sender="org.example.Boiler"), source(member="Overheated")]) as station:
        await station.connected()
        first, second = await parties.join(), await parties.join()
        await first.emit("before it had the name")
        await first.link.request_name("org.example.Boiler")
        await first.emit("first")
        await second.emit("a stranger")
        await second.ping()
        await first.link.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReleaseName", "s", ["org.example.Boiler"]
        )
        await first.emit("nobody's")
        await first.ping()
        await second.link.request_name("org.example.Boiler")
        await first.emit("no longer")
        await second.emit("second")
        received = [each for each in await station.got(6) if each.source == "dbus.sources[0]"]

    documents = [json.loads(each.body) for each in received]
    assert [["first"], ["second"]] == [each["args"] for each in documents]
    assert ["org.example.Boiler"] * 2 == [each["sender"] for each in documents]
    assert ["org.example.Boiler"] * 2 == [each.sender["name"] for each in received]
    assert [first.link.unique_name, second.link.unique_name] == [each.sender["unique_name"] for each in received]


async def test_a_name_that_was_owned_before_we_came_is_known(dbus, parties):
    sender = await parties.join()
    await sender.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[source(sender="org.example.Boiler")]) as station:
        await station.connected()

        await sender.emit("hot")

        assert "dbus.sources[0]" == (await station.got(1))[0].source


async def test_the_bus_itself_can_be_a_source(dbus, parties):
    vanished = {
        "interface": "org.freedesktop.DBus",
        "member": "NameOwnerChanged",
        "arg0": "org.example.Boiler",
        "sender": "org.freedesktop.DBus",
        "mapping": {"title": "args[0]"},
        "allowed_uids": [4711],
    }
    sender = await parties.join()
    await sender.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[vanished]) as station:
        await station.connected()

        await sender.link.close()
        [received] = await station.got(1)

    assert ("dbus.sources[0]", None) == (received.source, received.refusal)
    assert ["org.example.Boiler", sender.link.unique_name, ""] == station.documents[0]["args"]


async def test_variants_are_their_values(dbus, parties):
    changed = source(interface="org.freedesktop.DBus.Properties", arg0=INTERFACE)
    async with Station(dbus.address, sources=[changed]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.link.send(TEMPERATURE)
        await station.got(1)

    assert [INTERFACE, {"Temperature": 95.5}, ["Pressure"]] == station.documents[0]["args"]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (alert(), Fault.WRONG_TYPE),
        (alert("{}", "{}"), Fault.WRONG_TYPE),
        (alert(7, signature="i"), Fault.WRONG_TYPE),
        (alert(0, signature="h"), Fault.FILE_DESCRIPTORS),
        (alert("x" * 400_000), Fault.TOO_LARGE),
        (alert(list(range(200_000)), signature="au"), Fault.TOO_LARGE),
        (
            Message.new_signal("/a", "org.axion.Alert1", "Alert", "v", [Variant("v", Variant("v", Variant("s", "deep")))]),
            Fault.WRONG_TYPE,
        ),
    ],
)
async def test_what_is_no_alert_is_refused_and_costs_nothing_else(dbus, parties, message, fault):
    async with Station(dbus.address) as station:
        await station.connected()
        sender = await parties.join()

        await sender.link.send(message)
        await sender.link.send(alert('{"title": "next"}'))
        received = await station.got(2)

    assert [fault, None] == faults(received)
    assert 1 == station.bus.connection


async def test_what_we_tell_ourselves_is_not_heard(dbus, parties):
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        await station.bus.send(signal("ours"))
        sender = await parties.join()
        await sender.emit("theirs")
        await station.got(1)

    assert [["theirs"]] == [each["args"] for each in station.documents]
