"""When the watchdog is fed: by a real datagram socket, and workers that move, wait or stand still."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing
from dataclasses import dataclass

import pytest

from axion_bus.daemon.health import Health
from axion_bus.daemon.orders import Orders
from axion_bus.pipeline.progress import Progress
from axion_bus.systemd import Notifier


@dataclass
class Bus:
    """A connected one."""

    is_connected: bool = True
    trouble: str | None = None


@dataclass
class Held:
    """An intake that holds nothing."""

    held: int = 0


@pytest.fixture
def manager(tmp_path):
    """The service manager's end of the notification socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)) as sock:
        sock.bind(str(tmp_path / "notify"))
        yield sock


async def told(manager, *workers):
    """What is told of ``workers`` until the second look at them."""
    notifier = Notifier(manager.getsockname(), watchdog_interval_s=0.1)
    orders = Orders(None, lambda: None, notifier)
    health = Health(notifier, Bus(), None, Held(), workers, orders)
    stop = asyncio.Event()
    running = asyncio.create_task(health.run(stop))
    await asyncio.sleep(1.5)
    stop.set()
    await running
    texts = []
    while True:
        try:
            texts.append(manager.recv(4096).decode().splitlines()[0])
        except BlockingIOError:
            return texts


def worker(name, *, beaten_s_ago):
    progress = Progress(name, lambda: time.monotonic() - beaten_s_ago)
    progress.beat()
    return progress


async def test_workers_that_move_feed_it(manager):
    assert ["READY=1", "WATCHDOG=1"] == await told(manager, worker("record", beaten_s_ago=-60), worker("relay", beaten_s_ago=-60))


@pytest.mark.parametrize("stalled", ["record", "relay"])
async def test_one_that_stands_still_stops_it(manager, stalled):
    workers = [worker(name, beaten_s_ago=60 if name == stalled else -60) for name in ("record", "relay")]

    assert ["READY=1"] == await told(manager, *workers)


async def test_one_that_waits_for_the_outside_world_does_not(manager):
    waiting = worker("record", beaten_s_ago=60)
    with waiting.waiting_for("store"):
        assert ["READY=1", "WATCHDOG=1"] == [text for text in await told(manager, waiting) if not text.startswith("STATUS")]
