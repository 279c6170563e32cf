"""Who may send and ask: users that are listed, as the bus knows them. Whoever is refused is on record."""

from __future__ import annotations

import asyncio
import os

import pytest

from axion_bus.buses.dbus import trust
from axion_bus.buses.dbus.trust import Sender
from axion_bus.domain.communication import Fault
from tests.contract.dbus.parties import INTERFACE, PATH, signal
from tests.contract.dbus.station import Station, alert, faults, source
from tests.contract.running import until

US = os.getuid()
OTHER = US + 1


async def test_a_signal_of_a_user_who_is_not_listed_is_refused_and_recorded(dbus, parties):
    sources = [source(allowed_uids=[OTHER])]
    async with Station(dbus.address, sources=sources) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("hot")
        [received] = await station.got(1)

    assert [Fault.ACCESS_DENIED] == faults([received])
    assert f"{INTERFACE}.Overheated: user {US} is not in allowed_uids" == received.refusal.detail
    assert ("dbus.sources[0]", PATH, US) == (received.source, received.address, received.sender["uid"])
    assert ["hot"] == station.documents[0]["args"]


async def test_a_signal_of_a_user_who_is_listed_is_taken(dbus, parties):
    async with Station(dbus.address, sources=[source(allowed_uids=[OTHER, US])]) as station:
        await station.connected()
        sender = await parties.join()

        await sender.emit("hot")

        assert [None] == faults(await station.got(1))


@pytest.mark.parametrize(("submit", "fault"), [([OTHER], Fault.ACCESS_DENIED), ([OTHER, US], None)])
async def test_native_alerts_have_the_list_of_submit(dbus, parties, submit, fault):
    default = [OTHER] if fault is None else [US]
    async with Station(dbus.address, allowed_uids={"default": default, "submit": submit}) as station:
        await station.connected()
        sender = await parties.join()

        await sender.link.send(alert("{}"))

        assert [fault] == faults(await station.got(1))


async def test_a_sender_that_is_gone_is_refused_where_there_is_a_list_and_only_there(dbus, parties):
    keys = [source(member="Listed", allowed_uids=[US]), source(member="Open")]
    async with Station(dbus.address, sources=keys) as station:
        await station.connected()
        session = station.bus._session
        session.link.pause()  # so that it is gone before we can ask who it was
        gone = await parties.join()
        await gone.emit("1", member="Listed")
        await gone.emit("2", member="Open")
        await gone.link.close()
        witness = await parties.join()
        await until_gone(witness, gone.link.unique_name)

        session.link.resume()
        received = await station.got(2)

    assert [Fault.ACCESS_DENIED, None] == faults(received)
    assert "a sender that is gone, so that its user cannot be found out, is not in allowed_uids" in received[0].refusal.detail
    assert {"name": gone.link.unique_name} == received[1].sender


async def until_gone(witness, name):
    while True:
        (is_there,) = await witness.link.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", [name]
        )
        if not is_there:
            return


async def test_the_order_of_messages_stays_while_senders_are_looked_up(dbus, parties):
    senders = [await parties.join() for _ in range(20)]
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        for number in range(10):
            for position, sender in enumerate(senders):
                await sender.emit(str(number * 20 + position))
                if number == 0:
                    await sender.ping()
        await station.got(200)
        by_sender = {}
        for each in station.documents:
            by_sender.setdefault(each["sender"], []).append(int(each["args"][0]))

    assert all(sorted(numbers) == numbers for numbers in by_sender.values())
    assert list(range(20)) == [int(each["args"][0]) for each in station.documents if int(each["args"][0]) < 20]


async def test_who_is_known_does_not_overtake_who_is_not(dbus, parties):
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        known, stranger = await parties.join(), await parties.join()
        await known.emit("hello")
        await station.got(1)
        station.bus._session.link.pause()
        await stranger.emit("first")
        await stranger.ping()
        await known.emit("second")
        await known.ping()

        station.bus._session.link.resume()
        await station.got(3)

    assert [["hello"], ["first"], ["second"]] == [each["args"] for each in station.documents]


async def test_of_many_senders_only_the_last_are_kept_in_mind(dbus, parties, monkeypatch):
    monkeypatch.setattr(trust, "_KNOWN_SENDERS", 3)
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        senders = [await parties.join() for _ in range(6)]
        for sender in senders:
            await sender.emit("hello")
        await station.got(6)
        kept = list(station.bus._session._door._known)

    assert [sender.link.unique_name for sender in senders[3:]] == kept


async def test_a_sender_is_looked_up_once(dbus, parties):
    async with Station(dbus.address, sources=[source()]) as station:
        await station.connected()
        link = station.bus._session.link
        asked = []
        call = link.call

        async def counted(*arguments, **options):
            asked.append(arguments[3])
            return await call(*arguments, **options)

        link.call = counted
        sender = await parties.join()
        for number in range(50):
            sender.link.send(signal(str(number)))
        await station.got(50)

    assert ["GetConnectionCredentials"] == asked


async def test_refusals_are_recorded_sixty_a_minute_and_the_rest_counted(dbus, parties):
    async with Station(dbus.address, sources=[source(allowed_uids=[OTHER])]) as station:
        await station.connected()
        sender = await parties.join()
        for number in range(500):
            sender.link.send(signal(str(number)))
        await until(lambda: station.bus._parts.ration._left_out == 440, "500 refusals")
        rows_at_once = len(station.received)

        station.bus._parts.ration._began_at -= 60
        await station.got(61)

    assert 60 == rows_at_once
    assert "440 more were refused, and are only counted" == station.received[60].refusal.detail


async def test_a_caller_is_known_to_the_service(dbus, parties):
    async with Station(dbus.address, allowed_uids={"default": [US], "notify": [OTHER]}) as station:
        await station.connected()
        client = await parties.join()

        answer = await client.link.call("org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager", "Echo", "s", ["hello"])
        [(member, caller)] = station.service.called

    assert (["hello"], "Echo") == (answer, member)
    assert Sender(client.link.unique_name, US, os.getpid()) == caller
    assert station.bus.allows("close-incident", caller) is None
    assert f"notify: user {US} is not in allowed_uids" == station.bus.allows("notify", caller).detail


async def test_without_a_service_calls_are_refused_in_words(dbus, parties):
    async with Station(dbus.address) as station:
        station.bus._parts.service = None
        await station.connected()
        client = await parties.join()
        reply = asyncio.create_task(client.link.call("org.axion.Bus1", "/", "org.example.Any", "Any"))
        await asyncio.wait((reply,), timeout=5)

    assert "nothing can be called here" in str(reply.exception())
