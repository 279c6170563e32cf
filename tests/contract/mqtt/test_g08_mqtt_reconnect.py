"""G8: the bus starts without its broker, stays up, comes back, and is never deaf afterwards."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from axion_bus.buses.connection import Connection
from axion_bus.buses.patience import Patience
from axion_bus.errors import BusUnavailable
from tests.chaos.wire import Kind
from tests.contract.mqtt.station import TIMEOUT_S, Party, Station, settings, until
from tests.servers import Mosquitto, TcpProxy, free_port
from tests.servers.scripted_broker import ScriptedBroker


async def _cut_at_once(visit):
    visit.cut()


async def _silent(visit):
    while True:
        await visit.next()


async def _serve(visit):
    await visit.accept()
    await visit.serve()


def _pauses(logs):
    return [line["retry_s"] for line in logs if line["event"] == "broker_away"]


async def test_it_starts_without_its_broker_and_connects_when_there_is_one(tmp_path, base_topic, protocol):
    broker = Mosquitto(tmp_path)
    async with Station(settings(broker.url, base_topic, protocol)) as station:
        trouble = await station.in_trouble("refused")
        with broker:
            await station.connected()
            async with Party(broker.port) as party:
                await party.publish(station.alert_topic(), b"x")
            await station.got(1)

    assert f"cannot connect to {broker.url}: Connection refused" == trouble
    assert [b"x"] == station.bodies


async def test_it_hears_again_after_each_cut(broker, base_topic, protocol, party):
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            for number in range(1, 11):
                await station.connected(number)
                await party.publish(station.alert_topic(), b"%d" % number)
                await until(lambda number=number: b"%d" % number in station.bodies, "the message")
                station.received[-1].ack([])
                proxy.cut()

    assert [b"%d" % number for number in range(1, 11)] == list(dict.fromkeys(station.bodies))


async def test_it_hears_again_after_its_broker_was_killed(own_broker, base_topic, protocol):
    async with Station(settings(own_broker.url, base_topic, protocol)) as station:
        await station.connected()
        own_broker.kill()
        await station.in_trouble("refused")
        own_broker.start()
        await station.connected(2)
        async with Party(own_broker.port) as party:
            await party.publish(station.alert_topic(), b"x")
        await station.got(1)

    assert [b"x"] == station.bodies


async def test_publishing_works_again_after_a_cut(broker, base_topic, protocol, party):
    await party.hear(f"{base_topic}/summary")
    with TcpProxy(broker.port) as proxy:
        async with Station(settings(f"mqtt://127.0.0.1:{proxy.port}", base_topic, protocol)) as station:
            await station.connected()
            proxy.cut()
            await station.connected(2)
            await station.bus.publish(f"{base_topic}/summary", b"new")
            await party.heard_last(f"{base_topic}/summary", b"new")

    assert [b"new"] == party.on(f"{base_topic}/summary")


async def test_the_pauses_grow_while_no_connection_holds(base_topic):
    patience = Patience(retry_first_s=0.01, retry_max_s=0.08, stable_after_s=0.5)
    with capture_logs() as logs:
        async with ScriptedBroker(_cut_at_once) as scripted, Station(settings(scripted.url, base_topic), patience=patience):
            await until(lambda: len(_pauses(logs)) >= 6, "six attempts")

    assert sorted(_pauses(logs)[:4]) == _pauses(logs)[:4]
    assert all(0.0 <= pause <= 0.1 for pause in _pauses(logs))


async def test_a_broker_that_takes_long_to_refuse_is_left_alone_for_longer_too(base_topic):
    patience = Patience(answer_s=0.05, retry_first_s=0.2, retry_max_s=10, stable_after_s=0.01)
    with capture_logs() as logs:
        async with ScriptedBroker(_silent) as scripted, Station(settings(scripted.url, base_topic), patience=patience):
            await until(lambda: len(_pauses(logs)) >= 3, "three attempts")

    assert _pauses(logs)[2] >= 0.4


async def test_the_pauses_begin_anew_when_a_connection_held(base_topic):
    patience = Patience(retry_first_s=0.1, retry_max_s=10, stable_after_s=0.0)
    with capture_logs() as logs:
        async with (
            ScriptedBroker(_cut_at_once, _cut_at_once, _cut_at_once, _serve) as scripted,
            Station(settings(scripted.url, base_topic), patience=patience) as station,
        ):
            await station.connected()
            scripted.visits[-1].cut()
            await until(lambda: len(_pauses(logs)) >= 4, "the end of the connection")

    assert (True, True) == (_pauses(logs)[2] >= 0.2, _pauses(logs)[3] <= 0.1)


async def test_a_host_that_is_not_known_is_told(base_topic):
    async with Station(settings("mqtt://no-such-host.invalid", base_topic)) as station:
        trouble = await station.in_trouble("no-such-host")

    assert trouble.startswith("cannot connect to mqtt://no-such-host.invalid:1883: ")
    assert len(trouble) > len("cannot connect to mqtt://no-such-host.invalid:1883: ")


async def test_a_broker_that_accepts_and_says_nothing_is_told_and_left(base_topic, protocol):
    async with ScriptedBroker(_silent, _serve) as scripted:
        patience = Patience(answer_s=0.1, retry_first_s=0.02)
        async with Station(settings(scripted.url, base_topic, protocol), patience=patience) as station:
            trouble = await station.in_trouble("did not")
            await station.connected()

    assert f"{scripted.url} did not answer the connection request within 0.1 s" == trouble


async def test_a_broker_that_does_not_answer_the_subscriptions_is_told_and_left(base_topic, protocol):
    async def deaf(visit):
        await visit.accept()
        await _silent(visit)

    async with ScriptedBroker(deaf, _serve) as scripted:
        patience = Patience(answer_s=0.1, retry_first_s=0.02)
        async with Station(settings(scripted.url, base_topic, protocol), patience=patience) as station:
            trouble = await station.in_trouble("did not")
            await station.connected()

    assert (f"{scripted.url} did not answer the subscriptions within 0.1 s", 1) == (trouble, station.bus.connection)
    assert Kind.DISCONNECT == scripted.visits[0].seen[-1].kind


async def test_a_connection_that_is_long_in_coming_is_given_up(base_topic):
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it takes the connection and shakes no hands
        patience = Patience(connect_s=0.1, retry_first_s=0.02)
        mqtt = settings(f"mqtts://localhost:{mute.getsockname()[1]}", base_topic)
        async with Station(mqtt, patience=patience) as station:
            trouble = await station.in_trouble("no connection")

    assert f"cannot connect to {mqtt.url}: no connection within 0.1 s" == trouble


async def test_a_connection_that_comes_about_too_late_is_closed_and_says_nothing(authority, base_topic):
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT_S)
        url = f"mqtts://localhost:{listener.getsockname()[1]}"
        connection = _connection(settings(url, base_topic, tls={"ca_file": authority.ca_file}))
        opening = asyncio.create_task(connection.open(nothing))
        raw, _ = await loop.run_in_executor(None, listener.accept)
        opening.cancel()
        await asyncio.wait((opening,))
        await connection.close()
        with raw:
            raw.settimeout(TIMEOUT_S)
            said = await loop.run_in_executor(None, _shake_hands_and_listen, authority.server, raw)

    assert b"" == said


def _shake_hands_and_listen(context, raw):
    with context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True) as tls:
        return tls.recv(1)


def _connection(mqtt):
    return Connection(mqtt, take=lambda *_: None, receive_maximum=10, patience=Patience())


def _open_files():
    return sorted(Path("/proc/self/fd").iterdir())


async def test_two_hundred_connections_later_no_file_is_left_open(base_topic, protocol):
    async def cut_when_served(visit):
        await visit.accept()
        await visit.grant()
        visit.cut()

    async with ScriptedBroker(cut_when_served) as scripted:
        patience = Patience(retry_first_s=0.001, retry_max_s=0.001)
        gc.disable()
        try:
            async with Station(settings(scripted.url, base_topic, protocol), patience=patience):
                await until(lambda: len(scripted.visits) >= 10, "ten connections")
                before = len(_open_files())
                await until(lambda: len(scripted.visits) >= 210, "two hundred more")
                after = len(_open_files())
        finally:
            gc.enable()

    assert after - before < 5


async def test_a_hundred_attempts_that_fail_leave_no_file_open(authority, base_topic):
    with socket.create_server(("127.0.0.1", 0)) as listener, capture_logs() as logs:
        listener.setblocking(False)
        mqtt = settings(f"mqtts://localhost:{listener.getsockname()[1]}", base_topic, tls={"ca_file": authority.ca_file})
        patience = Patience(retry_first_s=0.001, retry_max_s=0.001)
        async with Station(mqtt, patience=patience), _refuses_to_shake_hands(listener):
            await until(lambda: len(_pauses(logs)) >= 10, "ten attempts")
            before = len(_open_files())
            await until(lambda: len(_pauses(logs)) >= 110, "a hundred more")
            after = len(_open_files())

    assert after - before < 5


@asynccontextmanager
async def _refuses_to_shake_hands(listener):
    async def answer():
        loop = asyncio.get_running_loop()
        while True:
            raw, _ = await loop.sock_accept(listener)
            with raw:
                await loop.sock_sendall(raw, b"HTTP/1.1 400 Bad Request\r\n\r\n")

    task = asyncio.create_task(answer())
    yield
    task.cancel()
    await asyncio.wait((task,))


async def test_an_ended_connection_is_freed_without_the_garbage_collector(broker, base_topic, protocol):
    connection = _connection(settings(broker.url, base_topic, protocol))
    await connection.open(nothing)
    await connection.close()
    gc.disable()
    try:
        alive = weakref.ref(connection)
        del connection
        await asyncio.sleep(0)
        left = alive()
    finally:
        gc.enable()

    assert left is None


async def test_a_connection_that_never_was_is_freed_without_a_warning(base_topic):
    connection = _connection(settings(f"mqtt://127.0.0.1:{free_port()}", base_topic))
    why = await _why_it_cannot_open(connection)
    await connection.close()
    alive = weakref.ref(connection)
    del connection
    await until(lambda: gc.collect() >= 0 and alive() is None, "nobody to hold it, its thread included")

    assert "Connection refused" == why.rpartition(": ")[2]


async def nothing():
    """What is to be done before CONNECT."""


async def _why_it_cannot_open(connection):
    with pytest.raises(BusUnavailable) as raised:
        await connection.open(nothing)
    return str(raised.value)


async def test_of_two_with_one_client_id_each_is_told_when_the_other_takes_the_session(mqtt):
    slow = Patience(retry_first_s=5)
    async with Station(mqtt, patience=slow) as first:
        await first.connected()
        async with Station(mqtt, patience=slow) as second:
            await second.connected()
            await first.in_trouble("ended by")

    assert [True] == second.losses.sessions
