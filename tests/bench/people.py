"""How fast people are told: a backlog of messages over four channels, alone, and beside a fifth that never answers.

The providers' stand-in is a process of its own, ``python -m tests.bench.people``: it says its port, and when it was asked.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from axion_bus.config import load
from axion_bus.sync import IncidentManager
from tests.bench.clients import QUIET_LIMIT_S
from tests.bench.figures import Sample
from tests.bench.usage import cpu_s
from tests.chaos.ledger import query
from tests.servers import Daemon, Mosquitto, configuration, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INCIDENTS = 200
"""Each is told of on every channel."""
CHANNELS = ("WEBHOOK", "PAGERDUTY", "SLACK", "DISCORD")
HANGING = "SMS"
_NOTIFY = '[notify]\ncreated = "EVERYBODY"\n'
_SECRETS = {"KEY": "0123456789", "DISCORD": "https://discord.com/api/webhooks/17/0123456789"}
_SECTIONS = {
    "WEBHOOK": 'url = "{url}/axion"\nsecret = {{ env = "KEY" }}',
    "PAGERDUTY": 'routing_key = {{ env = "KEY" }}',
    "SLACK": 'token = {{ env = "KEY" }}\nchannel = "#ops"',
    "DISCORD": 'webhook_url = {{ env = "DISCORD" }}',
    "SMS": 'account_sid = "AC17"\nauth_token = {{ env = "KEY" }}\nfrom = "+15550100"\nto = ["+15550123"]',
}
_COMMON = 'base_url = "{url}"\nallow_private = true\nrate = 1000\nconcurrency = 16\ntimeout_s = 60'


def measure_people(directory: Path, url: str, *, beside_a_hanging_one: bool) -> Sample:
    """Messages a second over CHANNELS, from the first that a provider got to the last; all of them have to be settled then."""
    channels = (*CHANNELS, HANGING) if beside_a_hanging_one else CHANNELS
    with _providers() as said, Mosquitto(directory) as broker:
        port = int(next(said))
        sections = "\n".join(_section(name, f"http://127.0.0.1:{port}") for name in channels)
        config = configuration(store=url, broker=broker.url, instance="bench", more=_NOTIFY + sections)
        daemon = Daemon(directory, config, environment=_SECRETS)
        _queue(daemon, url, channels)
        with daemon:
            first_at, last_at = float(next(said)), float(next(said))
            _wait_until_sent(url)
            cpu, peak_kib = cpu_s(daemon.pid), daemon.memory_kib()
            daemon.kill()
    sent = INCIDENTS * len(CHANNELS)
    return Sample(value=sent / (last_at - first_at), cpu_us=cpu / sent * 1e6, peak_mib=peak_kib / 1024)


def _section(name: str, url: str) -> str:
    return f"[channels.{name.lower()}]\n{_COMMON.format(url=url)}\n{_SECTIONS[name].format(url=url)}\n"


def _queue(daemon: Daemon, url: str, channels: tuple[str, ...]) -> None:
    """Open the incidents while no daemon runs: their messages wait for it."""
    settings = load(daemon.config_file, environ=_SECRETS)
    with IncidentManager(settings) as manager:
        manager.list_incidents()  # so that the schema is there
        code = "INSERT INTO def_notify (NotifyCode, NotifyName, NotifyChannels) VALUES ('EVERYBODY', 'x', %s)"
        query(url, code, ",".join(channels))
        for number in range(INCIDENTS):
            manager.create_incident(f"Queue {number} of the order service is too long", "HIGH", "ORDERS", "for five minutes")


def _wait_until_sent(url: str) -> None:
    names = ", ".join(f"'{name}'" for name in CHANNELS)
    sent = f"SELECT COUNT(*) AS n FROM data_incident_communication WHERE Status = 'SENT' AND Channel IN ({names})"
    wait_until(lambda: query(url, sent)[0]["n"] == INCIDENTS * len(CHANNELS), "all messages are sent", QUIET_LIMIT_S)


@contextmanager
def _providers() -> Iterator[Iterator[str]]:
    """What the stand-in says: its port, when it was first asked, when it has answered all, by the time of day."""
    command = [sys.executable, "-m", "tests.bench.people"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


async def _stand_in() -> None:
    """Answers each request as its provider documents, at once; those of HANGING never."""
    asked, answered = count(1), count(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                await reader.readexactly(int(fields[b"content-length"]))
                if next(asked) == 1:
                    _say(f"{time.time()}")
                if b"/2010-04-01/" in head:
                    await asyncio.Event().wait()
                number = next(answered)
                body = b'{"ok":true,"channel":"C1","ts":"%d.0","id":"%d","status":"success"}' % (number, number)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                if number == INCIDENTS * len(CHANNELS):
                    _say(f"{time.time()}")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    _say(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_stand_in())
