"""The alerts that the fault tests publish: a seeded mixture over few keys, each with an id of its own.

Most are single, some come as an array, some are published twice; they fire, repeat, change severity and resolve.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

CHURN = """
[[rules]]
name = "churn"
match = ["package = CHURN"]
auto_close = { on = "all_resolved", quiet = "1s" }
reopen_within = "2s"
"""
"""A rule under which incidents close and open again while a test runs."""

_PACKAGES = ("CHURN", "DATABASE", "NETWORK", "STORAGE")
_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "HIGH", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to publish, and the ids of the alerts in it."""

    topic: str
    body: bytes
    ids: tuple[str, ...] = ()
    is_retained: bool = False


class Alerts:
    """An endless stream; ``keys`` is how many different conditions there are, each reported by ``hosts`` hosts."""

    def __init__(self, base_topic: str, dice: Random, *, name: str = "a", keys: int = 60, hosts: int = 2) -> None:
        self._base_topic = base_topic
        self._dice = dice
        self._name = name
        self._keys = keys
        self._hosts = hosts
        self._numbers = count(1)

    def messages(self, number: int) -> Iterator[Message]:
        """Messages with ``number`` new alerts in all."""
        left = number
        while left:
            size = min(left, self._dice.randint(2, 5) if self._dice.random() < 0.05 else 1)
            left -= size
            message = self._message([self._alert() for _ in range(size)])
            yield message
            if self._dice.random() < 0.03:
                yield message

    def singles(self, number: int) -> Iterator[Message]:
        """``number`` messages with one alert each, and none of them twice."""
        return (self._message([self._alert()]) for _ in range(number))

    def _message(self, alerts: list[dict[str, Any]]) -> Message:
        body = json.dumps(alerts[0] if len(alerts) == 1 else alerts).encode()
        ids = tuple(alert["id"] for alert in alerts)
        return Message(topic=f"{self._base_topic}/alerts/fleet/{alerts[0]['package']}", body=body, ids=ids)

    def _alert(self) -> dict[str, Any]:
        dice, key = self._dice, self._dice.randrange(self._keys)
        return {
            "id": f"{self._name}-{next(self._numbers):06}",
            "title": f"condition {key}",
            "package": _PACKAGES[key % len(_PACKAGES)],
            "source": f"host-{dice.randrange(self._hosts)}",
            "severity": dice.choice(_SEVERITIES),
            "status": "resolved" if dice.random() < 0.15 else "firing",
        }
