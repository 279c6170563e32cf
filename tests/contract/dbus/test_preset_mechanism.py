"""A preset's signals are read, its calls are made, and what it tells again is no news; whatever goes wrong with it."""

from __future__ import annotations

import pytest
from dbus_next.message import Message
from structlog.testing import capture_logs

from axion_bus.domain.communication import Fault
from axion_bus.formats import presets
from axion_bus.formats.dbus_signal import Call, Command, Wanted
from tests.contract.dbus.parties import INTERFACE, PATH
from tests.contract.dbus.station import Station, alert, faults, source
from tests.contract.running import until
from tests.servers import DbusDaemon


class BoilerPreset:
    """Alerts of what is hot, a command of what is cool, nothing of what is warm; asks once how it is."""

    def __init__(self, watch):
        self.watch = watch
        self.wanted = [Wanted(interface=INTERFACE, sender="org.example.Boiler")]
        self.calls = [
            Call(destination="org.example.Boiler", path=PATH, interface=INTERFACE, member="Subscribe"),
            Call(destination="org.example.Boiler", path=PATH, interface=INTERFACE, member="State", is_reading=True),
        ]

    def read(self, document):
        state = document["args"][0]
        if state == "odd":
            raise ValueError("a bug of ours")
        if state == "cool":
            return [Command(verb="add-note", arguments={"content": state})]
        if state == "well":
            return [{"title": "boiler", "status": "resolved", "dedup_key": "boiler"}]
        if state == "broken":
            return [{"title": "boiler", "dedup_key": "boiler"}]
        return [{"title": state, "labels": {"at": each}} for each in self.watch] if state != "warm" else []


@pytest.fixture
def boiler_preset(monkeypatch):
    monkeypatch.setitem(presets._PRESETS, "boiler", lambda watch, _host: BoilerPreset(watch))
    return source(preset="boiler", watch=["upper", "lower"])


def failed_calls(logs):
    return [line for line in logs if line["event"] == "dbus_call_failed"]


async def test_a_preset_reads_signals_and_asks_how_things_are(dbus, parties, boiler_preset):
    boiler = await parties.join()
    boiler.answer = lambda call: Message.new_method_return(call, "s", ["hot at start"])
    await boiler.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[boiler_preset]) as station:
        await station.connected()
        await station.got(2)
        await boiler.emit("warm")
        await boiler.emit("hot")
        await boiler.emit("cool")
        received = await station.got(5)

    assert ["Subscribe", "State"] == [call.member for call in boiler.calls]
    assert [None] * 4 + ["add-note"] == [each.request for each in received]
    assert ["dbus.sources[0]"] * 5 == [each.source for each in received]
    assert {"title": "hot at start", "labels": {"at": "upper"}} == station.documents[0]
    assert {"title": "hot", "labels": {"at": "lower"}} == station.documents[3]
    assert {"content": "cool"} == station.documents[4]


async def test_a_preset_asks_again_when_its_service_comes_back(dbus, parties, boiler_preset):
    with capture_logs() as logs:
        async with Station(dbus.address, sources=[boiler_preset]) as station:
            await station.connected()
            await until(lambda: len(failed_calls(logs)) == 2, "both calls, while nobody is there to answer them")
            boiler = await parties.join()
            boiler.answer = lambda call: Message.new_method_return(call, "s", ["hot again"])

            await boiler.link.request_name("org.example.Boiler")
            await station.got(2)

    assert ["Subscribe", "State"] == [call.member for call in boiler.calls]


async def test_a_preset_whose_service_refuses_costs_nothing_else(dbus, parties, boiler_preset):
    boiler = await parties.join()
    boiler.answer = lambda call: Message.new_error(call, "org.example.Error.No", "no")
    await boiler.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[boiler_preset]) as station:
        await station.connected()
        await until(lambda: len(boiler.calls) == 2, "both calls")
        await boiler.emit("hot")

        assert [None, None] == faults(await station.got(2))


async def test_what_a_preset_tells_again_is_no_news(dbus, parties, boiler_preset):
    boiler = await parties.join()
    boiler.answer = lambda call: Message.new_method_return(call, "s", ["broken"])
    await boiler.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[boiler_preset]) as station:
        await station.connected()
        await station.got(1)
        for state in ("well", "well", "broken", "broken"):
            await boiler.emit(state)
        await station.got(4)
        station.bus._session.link._end("a test")  # and so the state is read anew
        await station.connected(2)
        await until(lambda: len(boiler.calls) == 4, "another reading")
        await boiler.emit("well")
        await station.got(5)

    assert ["firing", "resolved", "firing", "firing", "resolved"] == [each.get("status", "firing") for each in station.documents]


async def test_a_bug_in_a_reading_is_on_record_and_costs_nothing_else(dbus, parties, boiler_preset):
    boiler = await parties.join()
    boiler.answer = lambda call: Message.new_method_return(call, "s", ["odd"])
    await boiler.link.request_name("org.example.Boiler")
    async with Station(dbus.address, sources=[boiler_preset]) as station:
        await station.connected()
        await station.got(1)
        stranger = await parties.join()  # whose first signal is read when it is known who sends it, and not at once
        await stranger.link.send(alert("{}"))
        await boiler.emit("odd")
        await boiler.emit("broken")
        received = await station.got(4)

    assert [Fault.INTERNAL, None, Fault.INTERNAL, None] == faults(received)
    assert ("ValueError: a bug of ours", ["odd"]) == (received[0].refusal.detail, station.documents[0]["args"])
    assert ("ValueError: a bug of ours", ["odd"]) == (received[2].refusal.detail, station.documents[2]["args"])
    assert 1 == station.bus.connection


async def test_a_preset_starts_no_service(tmp_path, boiler_preset):
    tmp_path.joinpath("org.example.Boiler.service").write_text("[D-BUS Service]\nName=org.example.Boiler\nExec=/bin/false\n")
    with DbusDaemon(tmp_path, lines=[f"<servicedir>{tmp_path}</servicedir>"]) as server, capture_logs() as logs:
        async with Station(server.address, sources=[boiler_preset]) as station:
            await station.connected()
            await until(lambda: len(failed_calls(logs)) == 2, "two calls that failed")

    assert ["NameHasNoOwner" in str(line) for line in failed_calls(logs)] == [True, True]
