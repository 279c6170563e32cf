"""The alerts that are published, as lines for ``mosquitto_pub -l``: some 300 bytes each, every one with an id of its own.

How many of them open an incident is what tells one load from another. The same load is the same bytes in every run.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cached_property

FINGERPRINTS = 1000
TOPIC = "axion/alerts/bench/load"


@dataclass(frozen=True, kw_only=True)
class Load:
    """``count`` alerts of which every ``fresh_every``-th opens an incident of its own; the others repeat FINGERPRINTS of them."""

    count: int
    fresh_every: int | None = None

    @cached_property
    def titles(self) -> list[str]:
        """Their titles in order; each title is a fingerprint, and an incident."""
        draw = random.Random(2)
        return [self._title(number, draw.randrange(FINGERPRINTS)) for number in range(self.count)]

    @property
    def incidents(self) -> int:
        """How many incidents they open."""
        return len(set(self.titles))

    def lines(self) -> list[bytes]:
        """The alerts in order, and LAST."""
        return [*(alert(f"bench-{number:08d}", title) for number, title in enumerate(self.titles)), LAST]

    def _title(self, number: int, drawn: int) -> str:
        if self.fresh_every and number % self.fresh_every == 0:
            return f"Queue {number} of the order service is longer than it may be"
        return f"Disk {drawn} of the archive is almost full"


def alert(event_id: str, title: str) -> bytes:
    """An alert that is severe enough to open an incident."""
    return json.dumps(
        {
            "id": event_id,
            "source": "bench.example.org",
            "title": title,
            "severity": "HIGH",
            "package": "STORAGE",
            "description": "above the limit for five minutes; the runbook says what to do about it",
            "labels": {"env": "production", "region": "eu-central-1"},
            "occurred_at": "2026-01-31T22:00:00Z",
        }
    ).encode()


LAST = alert("bench-last", "That was all")
"""Comes behind all others and opens an incident: when its event is out, all before it were accepted."""
