"""``ports.Clock`` by the machine's clock; the only place that reads it. Tests pass their own."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The time of day."""

    def now(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC)
