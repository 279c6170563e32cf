"""A connection to a bus does what it is asked, in order, and says why when it cannot."""

from __future__ import annotations

import asyncio

import pytest
from dbus_next.message import Message

from axion_bus.buses.dbus.framing import is_cut
from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused, Link
from axion_bus.errors import BusUnavailable
from tests.contract.dbus.parties import INTERFACE, PATH, Parties, signal
from tests.contract.running import until
from tests.servers import DbusDaemon


async def test_a_link_is_known_by_its_unique_name(parties):
    party = await parties.join()

    names = (await party.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "ListNames"))[0]

    assert party.link.unique_name.startswith(":")
    assert party.link.unique_name in names


@pytest.mark.parametrize("address", ["session", "system"])
async def test_a_bus_is_found_by_its_kind(dbus, monkeypatch, address):
    monkeypatch.setenv(f"DBUS_{address.upper()}_BUS_ADDRESS", dbus.address)

    link = await Link.open(address, take=lambda _: None)

    assert link.unique_name.startswith(":")
    await link.close()


async def test_the_session_bus_is_found_where_systemd_has_it(tmp_path, monkeypatch):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with DbusDaemon(tmp_path, listen=f"unix:path={tmp_path}/bus"):
        link = await Link.open("session", take=lambda _: None)

        assert link.unique_name.startswith(":")
        await link.close()


async def test_of_several_addresses_the_first_that_works_is_taken(dbus, tmp_path):
    link = await Link.open(f"unix:path={tmp_path}/nobody%20here;{dbus.address}", take=lambda _: None)

    assert link.unique_name.startswith(":")
    await link.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("unix:path=/nonexistent/bus", "cannot connect to the bus unix:path=/nonexistent/bus: [Errno 2] No such file"),
        (
            "unixexec:path=/bin/true",
            "cannot connect to unixexec:path=/bin/true; give unix:path=, unix:abstract= or tcp:host=,port=",
        ),
        ("tcp:host=127.0.0.1,port=many", "cannot connect to tcp:host=127.0.0.1,port=many"),
        (";", '";" is no address of a bus'),
    ],
)
async def test_a_bus_that_cannot_be_reached_is_named(address, said):
    with pytest.raises(BusUnavailable) as raised:
        await Link.open(address, take=lambda _: None)

    assert said in str(raised.value)


async def test_without_a_session_bus_it_is_said_where_it_was_looked_for(monkeypatch):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    with pytest.raises(BusUnavailable, match="neither DBUS_SESSION_BUS_ADDRESS is set, nor is there a bus in XDG_RUNTIME_DIR"):
        await Link.open("session", take=lambda _: None)


async def test_signals_come_in_the_order_in_which_they_were_sent(parties):
    listener, sender = await parties.join(), await parties.join()
    await listener.hear()

    for number in range(300):
        sender.link.send(signal(str(number)))
    await until(lambda: len(listener.bodies) == 300, lambda: f"300 signals; {len(listener.bodies)} came")

    assert [[str(number)] for number in range(300)] == listener.bodies
    assert {sender.link.unique_name} == {each.sender for each in listener.signals if each.interface == INTERFACE}


async def test_a_call_returns_what_the_other_side_answers(parties):
    service, client = await parties.join(), await parties.join()
    service.answer = lambda call: Message.new_method_return(call, "su", [f"{call.body[0]}!", 7])

    answer = await client.link.call(service.link.unique_name, PATH, INTERFACE, "Echo", "s", ["hello"])

    assert ["hello!", 7] == answer


async def test_an_error_reply_is_raised_with_its_name(parties):
    service, client = await parties.join(), await parties.join()
    service.answer = lambda call: Message.new_error(call, "org.example.Error.TooHot", "95 degrees")

    with pytest.raises(DbusRefused) as raised:
        await client.link.call(service.link.unique_name, PATH, INTERFACE, "Cool")

    assert ("org.example.Error.TooHot", "95 degrees") == (raised.value.name, raised.value.text)


async def test_a_call_that_is_not_answered_ends_in_time(parties):
    silent, client = await parties.join(), await parties.join()

    with pytest.raises(BusUnavailable, match=r"did not answer Cool within 0\.05 s"):
        await client.link.call(silent.link.unique_name, PATH, INTERFACE, "Cool", timeout_s=0.05)


async def test_only_who_was_asked_can_answer(parties):
    asked, liar, client = await parties.join(), await parties.join(), await parties.join()

    def lie(call: Message) -> None:
        fake = Message.new_method_return(call, "s", ["lie"])
        liar.link.send(fake)
        asked.link.send(Message.new_method_return(call, "s", ["truth"]))

    asked.answer = lie

    assert ["truth"] == await client.link.call(asked.link.unique_name, PATH, INTERFACE, "Ask")


async def test_the_bus_answers_at_once_for_who_has_gone(parties):
    gone, client = await parties.join(), await parties.join()
    name = gone.link.unique_name
    await gone.link.close()

    with pytest.raises(DbusRefused) as raised:
        await client.link.call(name, PATH, INTERFACE, "Cool", timeout_s=20)

    # never came there, or came and was not answered
    assert raised.value.name in {f"org.freedesktop.DBus.Error.{each}" for each in ("ServiceUnknown", "NameHasNoOwner", "NoReply")}


async def test_the_bus_answers_for_who_goes_without_an_answer(parties):
    asked, client = await parties.join(), await parties.join()
    asked.answer = lambda _call: asyncio.get_running_loop().create_task(asked.link.close()) and None

    with pytest.raises(DbusRefused, match="NoReply"):
        await client.link.call(asked.link.unique_name, PATH, INTERFACE, "Cool", timeout_s=20)


async def test_a_name_that_another_owns_is_not_taken_over(parties):
    first, second = await parties.join(), await parties.join()
    await first.link.request_name("org.example.Boiler")
    await first.link.request_name("org.example.Boiler")

    with pytest.raises(BusUnavailable, match=r"org\.example\.Boiler is owned by another program.*second axion-bus"):
        await second.link.request_name("org.example.Boiler")


async def test_a_name_that_the_policy_withholds_is_explained(tmp_path):
    with DbusDaemon(tmp_path, "system-like") as system:
        async with Parties(system.address) as parties:
            party = await parties.join()

            with pytest.raises(BusUnavailable, match=r"does not let us own org\.axion\.Bus1: .*is its policy .* installed"):
                await party.link.request_name("org.axion.Bus1")


async def test_a_message_that_is_too_large_loses_its_body_and_nothing_else(parties):
    listener, sender = await parties.join(max_body_bytes=1000), await parties.join()
    await listener.hear()

    await sender.emit("x" * 2_000_000)
    await sender.emit("short")
    await until(lambda: len(listener.bodies) == 2, "two signals")

    large, short = (each for each in listener.signals if each.interface == INTERFACE)
    assert (True, "s", PATH, "Overheated") == (is_cut(large), large.signature, large.path, large.member)
    assert (False, ["short"]) == (is_cut(short), short.body)


async def test_a_message_that_cannot_be_written_fails_alone(parties):
    party = await parties.join()

    with pytest.raises(BusUnavailable, match="Overheated cannot be sent"):
        await party.link.send(signal(7, signature="s"))
    with pytest.raises(BusUnavailable, match="at most 16777216 can"):
        await party.link.send(signal("x" * 17_000_000))

    await party.ping()


async def test_a_paused_link_takes_nothing_and_misses_nothing(parties):
    listener, sender = await parties.join(), await parties.join()
    await listener.hear()
    listener.link.pause()
    for number in range(200):
        await sender.emit(str(number))
    await sender.ping()
    taken_in_pause = len(listener.bodies)

    listener.link.resume()
    await until(lambda: len(listener.bodies) == 200, "200 signals")

    assert 0 == taken_in_pause
    assert [[str(number)] for number in range(200)] == listener.bodies


async def test_a_link_can_pause_in_the_middle_of_what_it_takes(parties):
    listener, sender = await parties.join(), await parties.join()
    await listener.hear()
    take = listener.take

    def take_and_pause(message: Message) -> None:
        take(message)
        if message.body == ["9"]:
            listener.link.pause()

    listener.link._take = take_and_pause
    for number in range(50):
        sender.link.send(signal(str(number)))
    await sender.ping()
    await until(lambda: len(listener.bodies) >= 10, "ten signals")
    await asyncio.sleep(0)
    taken_before_pause = len(listener.bodies)

    listener.link.resume()
    await until(lambda: len(listener.bodies) == 50, "50 signals")

    assert 10 == taken_before_pause


async def test_what_was_sent_before_closing_arrives(dbus, parties):
    listener = await parties.join()
    await listener.hear()
    sender = await Link.open(dbus.address, take=lambda _: None)
    dbus.freeze()
    for number in range(2000):
        sender.send(signal(str(number) + "x" * 500))
    closing = asyncio.create_task(sender.close())
    await asyncio.sleep(0)

    dbus.resume()
    await closing
    await until(lambda: len(listener.bodies) == 2000, lambda: f"2000 signals; {len(listener.bodies)} came")

    assert "closed by us" == sender.ended.result()


async def test_a_service_is_started_only_for_calls_that_may(tmp_path):
    tmp_path.joinpath("org.example.Lazy.service").write_text("[D-BUS Service]\nName=org.example.Lazy\nExec=/bin/false\n")
    with DbusDaemon(tmp_path, lines=[f"<servicedir>{tmp_path}</servicedir>"]) as server:
        async with Parties(server.address) as parties:
            party = await parties.join()
            with pytest.raises(DbusRefused) as not_started:
                await party.link.call("org.example.Lazy", PATH, INTERFACE, "Wake", is_started=False)
            with pytest.raises(DbusRefused) as started:
                await party.link.call("org.example.Lazy", PATH, INTERFACE, "Wake")

    error = "org.freedesktop.DBus.Error"
    assert (f"{error}.NameHasNoOwner", f"{error}.Spawn.ChildExited") == (not_started.value.name, started.value.name)
