"""The demo's story: a shop's checkout is slow, because its database is. Told to the broker as any other program would."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from axion_bus.cli.publisher import publish

if TYPE_CHECKING:
    from axion_bus.config.mqtt import Mqtt

PAUSE_S = 0.8
"""Between two alerts, so that each can be read as it happens."""

_SLOW = {"source": "checkout", "package": "SHOP", "title": "Checkout takes 9 s", "severity": "HIGH"}
_FULL = {"source": "postgres", "package": "SHOP", "title": "No connection left", "severity": "CRITICAL"}
_DISK = {"source": "backup", "package": "STORAGE", "title": "Disk 81 % full", "severity": "LOW"}
_OVER = {"status": "resolved"}

STORY = (
    _SLOW,  # opens an incident
    _SLOW,  # a repeat, counted
    _FULL,  # another source, linked to the same incident, which becomes CRITICAL
    _DISK,  # recorded: not severe enough for an incident
    _FULL | _OVER,
    _SLOW | _OVER,  # the last one: the incident is in MONITORING, and closes when it stays quiet
)


async def tell(mqtt: Mqtt) -> None:
    """Publish the story. Its label is new each time, so that the same alerts make a new incident.

    Raises:
        BusUnavailable: the broker is gone.

    """
    label = {"labels": {"story": uuid4().hex[:8]}}
    for chapter in STORY:
        now = datetime.now(UTC).isoformat()
        body = json.dumps({"id": str(uuid4()), **chapter, **label, "occurred_at": now}).encode()
        topic = f"{mqtt.base_topic}/alerts/{chapter['source']}/{chapter['package']}"
        await asyncio.to_thread(publish, mqtt, topic, body)
        await asyncio.sleep(PAUSE_S)
