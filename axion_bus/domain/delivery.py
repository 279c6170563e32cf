"""What becomes of an attempt to deliver: when to try again, when to give up. Pure; the courier asks, the store keeps it.

Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"); a provider's Retry-After is obeyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_DOUBLINGS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a message to people is tried: first after ``base_s`` at most, doubling up to ``max_s``, for ``budget`` in all."""

    base_s: float = 1.0
    max_s: float = 300.0
    budget: timedelta = timedelta(hours=24)

    def next_attempt_at(
        self,
        *,
        attempt: int,
        queued_at: datetime,
        now: datetime,
        retry_after_s: float | None,
        uniform: Callable[[float, float], float],
    ) -> datetime | None:
        """When to try again after failed ``attempt`` (from 1 on), or None: it has been tried for long enough."""
        ceiling_s = min(self.max_s, self.base_s * 2.0 ** min(attempt - 1, _DOUBLINGS))
        wait_s = max(uniform(0.0, ceiling_s), retry_after_s or 0.0)
        left_s = (queued_at + self.budget - now).total_seconds()
        return now + timedelta(seconds=wait_s) if wait_s < left_s else None  # compared as numbers: a wait may be beyond any date
