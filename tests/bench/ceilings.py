"""What no daemon of this kind can beat: receiving and acknowledging alone, writing audit rows alone, the broker's own latency.

Each with the same alerts, servers and libraries as the daemon has, and with nothing else.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiomysql
import apsw

from axion_bus.store.engine import make_engine
from axion_bus.store.migrate import upgrade
from tests.bench.alerts import TOPIC
from tests.bench.clients import QUIET_LIMIT_S, Subscription, publish_at_pace, publishing, received
from tests.bench.figures import Sample
from tests.bench.usage import Meter
from tests.servers import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ROWS_A_TRANSACTION = 500
_COLUMNS = (
    *("CommunicationGuid", "AlertGuid", "ShortRef", "Channel", "Direction", "Status", "Message", "Recipient"),
    *("ExternalId", "Timestamp", "Metadata", "IngestKey"),
)


def measure_acks(directory: Path, lines: Sequence[bytes], protocol: int) -> Sample:
    """Messages a second that a paho client receives and acknowledges, and does nothing else."""
    file = _written(directory, lines)
    with Mosquitto(directory) as broker:
        command = [sys.executable, "-m", "tests.bench.acks", str(broker.port), str(protocol), TOPIC, str(len(lines))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            if client.stdout.readline() != "ready\n":
                raise RuntimeError("the bare subscriber did not come up; see its error above")
            meter, begun = Meter(client.pid), time.perf_counter()
            with publishing(broker, TOPIC, file):
                client.stdout.readline()
                sample = meter.sample(len(lines) / (time.perf_counter() - begun), len(lines))
            client.kill()
    return sample


def measure_inserts(url: str, lines: Sequence[bytes]) -> Sample:
    """Audit rows a second that the driver alone writes, ROWS_A_TRANSACTION at a time, one transaction after another."""
    asyncio.run(_make_schema(url))
    rows = list(_rows(lines))
    before_s, begun = time.process_time(), time.perf_counter()
    if url.startswith("sqlite:"):
        _insert_sqlite(url, rows)
    else:
        asyncio.run(_insert_mariadb(url, rows))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - before_s
    return Sample(value=len(rows) / seconds, cpu_us=cpu / len(rows) * 1e6)


def measure_echo(directory: Path, payloads: Sequence[bytes], every_s: float) -> list[float]:
    """How long each payload takes from a publisher over the broker to a subscriber, in milliseconds."""
    into = directory / "echo"
    with Mosquitto(directory) as broker:
        subscription = Subscription(broker, TOPIC)
        with subscription.receiving(len(payloads), into) as subscriber:
            sent = publish_at_pace(broker, TOPIC, payloads, every_s)
            subscriber.wait(QUIET_LIMIT_S)
    return [(at - sent_at) * 1000 for sent_at, (at, _) in zip(sent, received(into), strict=True)]


def _written(directory: Path, lines: Sequence[bytes]) -> Path:
    file = directory / "alerts"
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


async def _make_schema(url: str) -> None:
    engine = make_engine(url)
    try:
        await upgrade(engine)
    finally:
        await engine.dispose()


def _rows(lines: Sequence[bytes]) -> Iterator[tuple[str, ...]]:
    """Rows like those of accepted alerts; guids and references rise, as the daemon's do."""
    for number, line in enumerate(lines):
        guid = f"019c0000-0000-7000-8000-{number:012x}"
        reference, key = f"REF-20260131-{number:07d}", f"{number * 2654435761 % 2**32:032x}"
        sent = ("MQTT", "INBOUND", "RECEIVED", line.decode(), TOPIC, f"bench-{number:08d}", "2026-01-31 22:00:00.000000")
        yield guid, guid, reference, *sent, '{"reason":"repeated","rule":"default"}', key


def _statement(mark: str) -> str:
    return f"INSERT INTO data_incident_communication ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"


def _parts(rows: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    for first in range(0, len(rows), ROWS_A_TRANSACTION):
        yield rows[first : first + ROWS_A_TRANSACTION]


def _insert_sqlite(url: str, rows: Sequence[tuple[str, ...]]) -> None:
    with closing(apsw.Connection(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = EXTRA")
        for part in _parts(rows):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_statement("?"), part)
            connection.execute("COMMIT")


async def _insert_mariadb(url: str, rows: Sequence[tuple[str, ...]]) -> None:
    parts = urlsplit(url)
    connection = await aiomysql.connect(
        host="127.0.0.1", port=parts.port or 3306, user=parts.username, db=parts.path.removeprefix("/"), charset="utf8mb4"
    )
    try:
        async with connection.cursor() as cursor:
            for part in _parts(rows):
                await cursor.executemany(_statement("%s"), part)
                await connection.commit()
    finally:
        connection.close()
