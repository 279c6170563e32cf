"""How long the incident manager takes for the figures of many incidents, as a caller waits for them."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

from axion_bus import AsyncIncidentManager
from axion_bus.config import parse
from axion_bus.store.rows import insert_rows, stored_time
from axion_bus.store.schema import incident
from axion_bus.store.sql import open_store
from tests.bench.figures import Sample

INCIDENTS = 100_000
ASKED = 5
_COLUMNS = (
    *("IncidentGuid", "Title", "Severity", "Status", "Package", "Description", "CreatedAt", "UpdatedAt"),
    *("AcknowledgedAt", "ClosedAt", "CloseReason", "Version", "Sequence"),
)
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def measure_metrics(url: str) -> Sample:
    """Milliseconds until ``get_incident_metrics`` over INCIDENTS of them has answered, the middle one of ASKED times."""
    return asyncio.run(_measure(url))


async def _measure(url: str) -> Sample:
    async with AsyncIncidentManager(parse({"store": {"url": url}})) as manager:
        async with open_store(url, password=None, pool_size=1, timeout_s=300) as store:
            rows = _rows()
            for start in range(0, INCIDENTS, 5000):
                part = rows[start : start + 5000]
                await store.write(lambda transaction, part=part: insert_rows(transaction.connection, incident, _COLUMNS, part))
        took_ms = []
        for _ in range(ASKED):
            begun = time.perf_counter()
            figures = await manager.get_incident_metrics()
            took_ms.append((time.perf_counter() - begun) * 1000)
            if figures["total_incidents"] != INCIDENTS:
                raise RuntimeError(f"{figures['total_incidents']} incidents were counted, not {INCIDENTS}")
    return Sample(value=sorted(took_ms)[ASKED // 2])


def _rows() -> list[tuple[object, ...]]:
    chance = random.Random(1)
    return [_row(number, chance) for number in range(INCIDENTS)]


def _row(number: int, chance: random.Random) -> tuple[object, ...]:
    created = _BEGIN + timedelta(seconds=number * 300)
    acknowledged = created + timedelta(seconds=chance.randrange(1, 3600))
    closed = acknowledged + timedelta(seconds=chance.randrange(1, 90_000))
    severity = chance.choice(("LOW", "MEDIUM", "HIGH", "CRITICAL"))
    times = [stored_time(each) for each in (created, closed, acknowledged, closed)]
    head = (
        f"incident-{number:08d}",
        "A title of some length",
        severity,
        "CLOSED",
        f"PACKAGE-{number % 40}",
        "What happened. " * 10,
    )
    return (*head, *times, "RESOLVED", 3, 0)
