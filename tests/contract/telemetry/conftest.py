"""A server of metrics on a free port of loopback, and clients of every kind."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from axion_bus.telemetry.server import Server
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TEXT = b"# HELP up Whether it is.\n# TYPE up gauge\nup 1.0\n"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running() -> Callable[..., object]:
    """Runs what has ``run(stop)`` beside the test's own steps; at the end it is told to stop, and has to."""

    @asynccontextmanager
    async def run(worker: object) -> AsyncIterator[asyncio.Task[None]]:
        stop = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            task = group.create_task(worker.run(stop))
            yield task
            stop.set()

    return run


@pytest.fixture
def serving(port, running) -> Callable[..., object]:
    """Runs a server beside the test's own steps, and waits until it can be reached."""

    @asynccontextmanager
    async def serve(text: Callable[[], bytes] = lambda: TEXT, **given: float) -> AsyncIterator[None]:
        async with running(Server("127.0.0.1", port, text, **given)):
            await reached(port)
            yield

    return serve


async def reached(port: int) -> None:
    """Wait until somebody listens."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        await writer.wait_closed()
        return
