"""Whoever asks for the figures over HTTP, well or badly, and what comes of it: an answer, a closed connection, never a hang."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from structlog.testing import capture_logs

from axion_bus.telemetry.server import MAX_CONNECTIONS, Server
from tests.contract.telemetry.conftest import TEXT, reached
from tests.fakes import until

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(port, request):
    """All that is answered to the bytes ``request``, until the connection is closed."""
    async with connected(port) as (reader, writer):
        writer.write(request)
        return await reader.read()


async def status(port, request):
    """The status of the answer."""
    return int((await said(port, request)).split(b" ")[1])


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=up"])
async def test_a_scrape_gets_the_text_and_what_it_is(serving, port, path):
    async with serving(), httpx2.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}{path}")

    assert (200, TEXT) == (answer.status_code, answer.content)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_head_gets_the_head_alone(serving, port):
    async with serving():
        answer = await said(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(TEXT)}\r\n".encode() in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_the_end_of_a_text_is_not_lost_wherever_the_sockets_are_full(serving, port):
    sizes, got = range(3_000_000, 5_000_000, 40_000), []

    async with serving(lambda: b"x" * sizes[len(got)]):
        for _ in sizes:
            async with connected(port) as (reader, writer):
                writer.transport.pause_reading()
                writer.write(SCRAPE)
                for _ in range(20):
                    await asyncio.sleep(0)  # the server has a turn
                writer.transport.resume_reading()
                got.append(len((await reader.read()).partition(b"\r\n\r\n")[2]))

    assert list(sizes) == got


async def test_the_connection_is_closed_after_the_answer(serving, port):
    async with serving():
        answer = await said(port, SCRAPE)

    assert answer.endswith(b"Connection: close\r\n\r\n" + TEXT)


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"GET / HTTP/1.1", 404),
        (b"GET /metrics/../etc/passwd HTTP/1.1", 404),
        (b"POST /metrics HTTP/1.1", 405),
        (b"OPTIONS * HTTP/1.1", 405),
        (b"GET /metrics HTTP/1.0", 200),
        (b"GET /metrics HTTP/2.0", 400),
        (b"GET /metrics", 400),
        (b"GET  /metrics HTTP/1.1", 400),
        (b"", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\xff\x00 \x00 \xff", 400),
    ],
)
async def test_whatever_else_is_asked_has_its_status(serving, port, request_line, expected):
    async with serving():
        found = await status(port, request_line + b"\r\n\r\n")

    assert expected == found


async def test_a_request_that_is_too_large_is_refused(serving, port):
    async with serving():
        found = await status(port, b"GET /metrics HTTP/1.1\r\n" + b"X-Filler: " + b"x" * 1_000_000)

    assert found == 431


async def test_a_body_that_nobody_asked_for_does_not_cost_the_answer(serving, port):
    async with serving():
        found = await status(port, b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)

    assert found == 405


async def test_a_client_that_says_nothing_is_closed_in_time(serving, port):
    async with serving(patience_s=0.05), connected(port) as (reader, _):
        assert await reader.read() == b""


async def test_a_client_that_dribbles_is_closed_in_time(serving, port):
    async with serving(patience_s=0.2), connected(port) as (reader, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"X: y\r\n")
            try:
                async with asyncio.timeout(0.02):
                    await reader.read()
            except (TimeoutError, OSError):
                continue


async def test_a_client_that_does_not_read_is_closed_in_time(serving, port):
    large = b"# " + b"x" * 50_000_000 + b"\n"

    async with serving(lambda: large, patience_s=0.2), connected(port) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(SCRAPE)
        async with connected(port) as (later, _):
            await later.read()  # who came later and says nothing is closed: so the other one is
        writer.transport.resume_reading()
        got = await reader.read()

    assert 0 < len(got) < len(large)


async def test_a_client_that_leaves_at_once_harms_nobody(serving, port):
    async with serving():
        for request in (b"", b"GET /met", SCRAPE):
            async with connected(port) as (_, writer):
                writer.write(request)

        assert await status(port, SCRAPE) == 200


async def test_more_clients_than_there_is_room_for_do_not_keep_a_scrape_away(serving, port):
    async with serving(), AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(connected(port)) for _ in range(3 * MAX_CONNECTIONS)]

        found = await status(port, SCRAPE)

        assert found == 200
        async with asyncio.timeout(2):
            assert [] == [answer for reader, _ in idle[:MAX_CONNECTIONS] if (answer := await closed(reader)) is not None]


async def closed(reader):
    """None: the connection was closed without an answer."""
    try:
        return await reader.read() or None
    except ConnectionResetError:
        return None


async def test_many_scrapes_at_a_time_are_all_answered(serving, port):
    async with serving():
        found = await asyncio.gather(*(status(port, SCRAPE) for _ in range(MAX_CONNECTIONS)))

    assert [200] * MAX_CONNECTIONS == found


async def test_a_bug_of_ours_is_an_answer_and_a_line_in_the_log(serving, port):
    def broken():
        raise RuntimeError("no figures")

    with capture_logs() as logs:
        async with serving(broken):
            found = await status(port, SCRAPE)

    assert (500, ["metrics_not_written"]) == (found, [each["event"] for each in logs if each["log_level"] == "error"])


async def test_while_the_port_is_taken_it_says_so_and_looks_again(running, port):
    with capture_logs() as logs, socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        async with running(Server("127.0.0.1", port, lambda: TEXT, bind_again_s=0.05)) as task:
            await until(lambda: len(warned(logs)) > 1)
            taken.close()
            await reached(port)
            found = await status(port, SCRAPE)
            is_running = not task.done()

    assert (200, True) == (found, is_running)
    assert ("metrics_not_served", port, 0.05) == tuple(warned(logs)[0][key] for key in ("event", "port", "retry_s"))
    assert "address already in use" in warned(logs)[0]["error"]


def warned(logs):
    return [each for each in logs if each["log_level"] == "warning"]


async def test_a_host_that_there_is_not_is_told(running, port):
    with capture_logs() as logs:
        async with running(Server("nowhere.invalid", port, lambda: TEXT)):
            await until(lambda: warned(logs))

    assert "nowhere.invalid" == warned(logs)[0]["host"]


async def test_at_the_stop_open_connections_are_closed_and_the_port_is_free(serving, port):
    async with AsyncExitStack() as stack:
        async with serving(patience_s=1000):
            reader, _ = await stack.enter_async_context(connected(port))
        answer = await closed(reader)

    assert answer is None
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


async def test_it_is_served_on_ipv6_too(running, port):
    async with running(Server("::1", port, lambda: TEXT)), httpx2.AsyncClient() as client:
        while True:
            try:
                answer = await client.get(f"http://[::1]:{port}/metrics")
            except httpx2.ConnectError:
                await asyncio.sleep(0.01)
                continue
            break

    assert answer.content == TEXT
