"""The daemon on D-Bus under a load: signals from another process until all are accepted, and ``Submit`` at a steady pace.

The sender of signals is a process of its own, ``python -m tests.bench.dbus ADDRESS FILE``: each line of FILE is an alert.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dbus_next.message import Message

from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, Link
from tests.bench.alerts import alert
from tests.bench.clients import QUIET_LIMIT_S
from tests.bench.usage import Meter
from tests.chaos.ledger import count, query
from tests.servers import Daemon, DbusDaemon, Mosquitto, configuration, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.alerts import Load
    from tests.bench.figures import Sample

_SERVICE = ("org.axion.Bus1", "/org/axion/Bus1", "org.axion.Bus1.Manager", "Submit", "s")
_IN_FLIGHT = 200
_ACCEPTED = "SELECT COUNT(*) AS n FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'RECEIVED'"


def measure_signals(directory: Path, url: str, load: Load) -> Sample:
    """Signals a second, from the first one sent until all are accepted. One that is missing makes it an error."""
    lines = directory / "alerts"
    lines.write_bytes(b"\n".join(load.lines()) + b"\n")
    with _running(directory, url) as (bus, daemon):
        meter = Meter(daemon.pid)
        begun = time.perf_counter()
        with subprocess.Popen([sys.executable, "-m", "tests.bench.dbus", bus.address, str(lines)]) as sender:
            wait_until(lambda: query(url, _ACCEPTED)[0]["n"] > load.count, "every signal is accepted", QUIET_LIMIT_S, every_s=0.02)
            seconds = time.perf_counter() - begun
            sender.wait(QUIET_LIMIT_S)
        sample = meter.sample((load.count + 1) / seconds, load.count)
        if count(url, "data_incident") != load.incidents + 1:
            raise RuntimeError("this run is no figure: the database does not have an incident for each title")
    return sample


def measure_submit(directory: Path, url: str, alerts: int, every_s: float) -> list[float]:
    """How long each ``Submit`` takes from the call to its reply, in milliseconds; each alert opens an incident."""
    with _running(directory, url) as (bus, _):
        return asyncio.run(_submit_all(bus.address, alerts, every_s))


async def _submit_all(address: str, alerts: int, every_s: float) -> list[float]:
    link = await Link.open(address, take=lambda _: None)
    loop = asyncio.get_running_loop()

    async def submit(number: int) -> float:
        text = alert(f"bench-{number}", f"Queue {number} is too long").decode()
        begun = loop.time()
        await link.call(*_SERVICE, [text], timeout_s=60)
        return (loop.time() - begun) * 1000

    begun = loop.time()
    calls = []
    for number in range(alerts):
        await asyncio.sleep(begun + number * every_s - loop.time())
        calls.append(asyncio.ensure_future(submit(number)))
    taken = await asyncio.gather(*calls)
    await link.close()
    return list(taken)


@contextmanager
def _running(directory: Path, url: str) -> Iterator[tuple[DbusDaemon, Daemon]]:
    """A message bus, a broker, and a daemon that is connected to both."""
    with DbusDaemon(directory) as bus, Mosquitto(directory) as broker:
        more = f"[dbus]\nbus = {json.dumps(bus.address)}\n"
        with Daemon(directory, configuration(store=url, broker=broker.url, instance="bench", more=more)) as daemon:
            wait_until(lambda: daemon.logged("dbus_connected") and daemon.logged("broker_connected"), "the daemon is connected")
            yield bus, daemon


async def _send_all(address: str, lines: list[bytes]) -> None:
    """Send each line as a signal, some at a time; the bus has all of them when it returns."""
    link = await Link.open(address, take=lambda _: None)
    for start in range(0, len(lines), _IN_FLIGHT):
        signals = [
            Message.new_signal("/", "org.axion.Alert1", "Alert", "s", [line.decode()]) for line in lines[start : start + _IN_FLIGHT]
        ]
        await asyncio.gather(*map(link.send, signals))
    await link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId", timeout_s=60)
    await link.close()


if __name__ == "__main__":
    asyncio.run(_send_all(sys.argv[1], Path(sys.argv[2]).read_bytes().splitlines()))
