"""All figures as text, in the format that every Prometheus and every agent of that kind reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_FRESH_FOR_S = 0.5


class Exposition:
    """The text of ``registry``, written anew twice a second at most: whoever asks more often takes no time from the alerts."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._text = b""
        self._written_at_s: float | None = None

    def text(self) -> bytes:
        """How it goes, now."""
        now_s = self._monotonic()
        if self._written_at_s is None or now_s - self._written_at_s >= _FRESH_FOR_S:
            self._text = generate_latest(self._registry)
            self._written_at_s = now_s
        return self._text
