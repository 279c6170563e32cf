"""A connection to a bus that dies, stalls or is flooded: nothing hangs, nothing is left open, nothing is logged."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from axion_bus.buses.dbus import writer
from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, Link
from axion_bus.errors import BusUnavailable
from tests.contract.dbus.parties import INTERFACE, PATH, signal
from tests.contract.running import until

if TYPE_CHECKING:
    from pathlib import Path


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not looked at


async def test_the_death_of_the_bus_ends_the_link_and_all_that_waits_for_it(dbus, parties):
    silent, party = await parties.join(), await parties.join()
    calling = asyncio.create_task(party.link.call(silent.link.unique_name, PATH, INTERFACE, "Cool", timeout_s=60))
    await until(lambda: silent.calls, "the call")

    dbus.kill()
    reason = await asyncio.wait_for(party.link.ended, 5)

    assert "ended by the bus" in reason
    with pytest.raises(BusUnavailable, match="is gone: ended by the bus"):
        await asyncio.wait_for(calling, 5)


async def test_a_link_that_has_ended_refuses_at_once(dbus, parties):
    party = await parties.join()
    dbus.kill()
    await asyncio.wait_for(party.link.ended, 5)

    for attempt in (
        party.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId"),
        party.link.send(signal("1")),
        party.link.add_match("type='signal'"),
        party.link.request_name("org.example.Boiler"),
    ):
        with pytest.raises(BusUnavailable, match="is gone"):
            await asyncio.wait_for(attempt, 1)
    party.link.pause()
    party.link.resume()
    await party.link.close()


async def test_what_had_arrived_when_the_bus_died_is_taken(dbus, parties):
    listener, sender = await parties.join(), await parties.join()
    await listener.hear()
    listener.link.pause()
    for number in range(100):
        await sender.emit(str(number))
    await sender.ping()

    dbus.kill()
    listener.link.resume()
    await asyncio.wait_for(listener.link.ended, 5)

    assert [[str(number)] for number in range(100)] == listener.bodies


async def test_a_stalled_bus_costs_neither_the_connection_nor_a_message(dbus, parties):
    listener, sender = await parties.join(), await parties.join()
    await listener.hear()
    dbus.freeze()
    sent = [sender.link.send(signal(str(number), "x" * 2000)) for number in range(2000)]
    await asyncio.sleep(0.05)
    waiting = sum(not each.done() for each in sent)

    dbus.resume()
    await asyncio.wait_for(asyncio.gather(*sent), 20)
    await until(lambda: len(listener.bodies) == 2000, lambda: f"2000 signals; {len(listener.bodies)} came")

    assert waiting > 1000, "the socket's buffer took everything: nothing was tested"
    assert [str(number) for number in range(2000)] == [body[0] for body in listener.bodies]


async def test_calls_to_a_stalled_bus_end_in_time(dbus, parties):
    party = await parties.join()
    dbus.freeze()
    started = time.monotonic()

    with pytest.raises(BusUnavailable, match=r"did not answer GetId within 0\.1 s"):
        await party.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId", timeout_s=0.1)

    assert time.monotonic() - started < 5
    dbus.resume()
    await party.ping()


async def test_a_stalled_bus_lets_nobody_in_and_nobody_waits_for_it(dbus):
    dbus.freeze()
    before = open_files()

    with pytest.raises(BusUnavailable, match=r"did not let us in within 0\.1 s"):
        await Link.open(dbus.address, take=lambda _: None, timeout_s=0.1)

    assert before == open_files()


async def test_what_waits_for_a_stalled_bus_is_bounded(dbus, parties):
    party = await parties.join()
    dbus.freeze()
    body = "x" * 1_000_000

    sent = [party.link.send(signal(body)) for _ in range(100)]
    refused = [each.exception() for each in sent if each.done() and each.exception() is not None]

    assert len(refused) > 50
    assert "takes nothing" in str(refused[0])
    assert not party.link.ended.done()


async def test_a_bus_that_takes_nothing_is_given_up(dbus, parties, monkeypatch):
    monkeypatch.setattr(writer, "STALLED_AFTER_S", 0.05)
    party = await parties.join()
    dbus.freeze()
    sent = [party.link.send(signal("x" * 100_000)) for _ in range(50)]

    reason = await asyncio.wait_for(party.link.ended, 5)

    assert "the bus has taken nothing for 0.05 s" == reason
    with pytest.raises(BusUnavailable, match="is gone: the bus has taken nothing"):
        await sent[-1]


async def test_closing_on_a_stalled_bus_does_not_hang(dbus):
    link = await Link.open(dbus.address, take=lambda _: None)
    dbus.freeze()
    for _ in range(50):
        link.send(signal("x" * 100_000))
    started = time.monotonic()

    await link.close()

    assert time.monotonic() - started < 3


async def test_connections_leave_no_file_open_and_no_word_in_the_log(dbus, caplog):
    caplog.set_level(logging.DEBUG)
    loop_trouble: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: loop_trouble.append(context))
    before = open_files()

    for number in range(200):
        link = await Link.open(dbus.address, take=lambda _: None)
        link.send(signal(str(number)))
        call = asyncio.create_task(link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId"))
        await asyncio.sleep(0)
        await link.close()
        await asyncio.gather(call, return_exceptions=True)
    after = open_files()
    gc.collect()

    assert before == after
    assert ([], []) == (loop_trouble, [record.getMessage() for record in caplog.records if record.name == "asyncio"])


async def test_failed_connections_leave_no_file_open(tmp_path):
    before = open_files()

    for _ in range(200):
        with pytest.raises(BusUnavailable):
            await Link.open(f"unix:path={tmp_path}/nobody", take=lambda _: None)

    assert before == open_files()


async def test_links_whose_bus_died_leave_no_file_open(dbus, parties):
    before = open_files()
    links = [await Link.open(dbus.address, take=lambda _: None) for _ in range(20)]

    dbus.kill()
    for link in links:
        await asyncio.wait_for(link.ended, 5)

    assert before == open_files()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"REJECTED EXTERNAL\r\n", "does not let us in as user .*: REJECTED EXTERNAL"),
        (b"", "ended the connection before it let us in"),
        (b"HTTP/1.1 400 Bad Request\r\n", "does not let us in"),
    ],
)
async def test_what_is_no_bus_is_told_so(tmp_path, answer, said):
    async with await serving(tmp_path, answer) as server:
        with pytest.raises(BusUnavailable, match=said):
            await Link.open(f"unix:path={tmp_path}/bus", take=lambda _: None, timeout_s=2)
        server.close()


async def test_what_stops_speaking_dbus_is_left(tmp_path):
    async with await serving(tmp_path, b"OK 1234\r\n", b"x" * 64) as server:
        with pytest.raises(BusUnavailable, match="is gone: the bus does not speak D-Bus"):
            await Link.open(f"unix:path={tmp_path}/bus", take=lambda _: None, timeout_s=2)
        server.close()


async def serving(directory: Path, *answers: bytes) -> asyncio.Server:
    """Something at ``directory``/bus that answers lines with ``answers``, in turn, and hangs up."""

    async def serve(reader: asyncio.StreamReader, peer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readline()
            peer.write(answer)
            await peer.drain()
        peer.close()
        await peer.wait_closed()

    return await asyncio.start_unix_server(serve, f"{directory}/bus")


async def test_a_socket_whose_backlog_is_full_is_not_waited_for(tmp_path):
    with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as first:
        deaf.bind(f"{tmp_path}/bus")
        deaf.listen(0)
        first.connect(f"{tmp_path}/bus")

        with pytest.raises(BusUnavailable):
            await Link.open(f"unix:path={tmp_path}/bus", take=lambda _: None, timeout_s=0.5)
