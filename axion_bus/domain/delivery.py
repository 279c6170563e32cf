"""What becomes of an attempt to deliver: when to try again, when to give up. Pure; the courier asks, the store keeps it.

Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"); a provider's Retry-After is obeyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_DOUBLINGS = 16
_BESIDE_SENDING_S = 60.0

FAILURES_TO_OPEN = 5
OPEN_FOR_S = 30.0


class AttemptStatus(StrEnum):
    """What is known of one attempt. SENDING without an end: its sender was cut off; AMBIGUOUS: nobody knows what became of it."""

    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    AMBIGUOUS = "AMBIGUOUS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a channel is used: deliveries at a time, deliveries a second, and how long one may take.

    ``holds_ambiguous``: a person decides when nobody knows whether a message was delivered. ``bundles``: messages that say the same
    of several incidents may be one; not where a program keeps the incidents apart.
    """

    concurrency: int = 4
    rate: float = 1.0
    timeout_s: float = 10.0
    holds_ambiguous: bool = False
    bundles: bool = True

    @property
    def lease(self) -> timedelta:
        """For how long a message is ours: to wait for its turn, to be sent, and to be settled."""
        return timedelta(seconds=self.timeout_s + _BESIDE_SENDING_S)


@dataclass(slots=True)
class Breaker:
    """Leaves a channel alone that failed FAILURES_TO_OPEN times in a row; after OPEN_FOR_S one delivery tries it.

    Without it a dead channel's backlog would use up its attempts, and its provider's patience (Nygard, "Release It!"). Times are a
    monotonic clock's, in seconds.
    """

    _failures: int = 0
    _open_until_s: float | None = None

    @property
    def is_well(self) -> bool:
        """Whether it is used as usual, and not tried."""
        return self._failures < FAILURES_TO_OPEN

    def is_open(self, now_s: float) -> bool:
        """Whether the channel is to be left alone."""
        return self._open_until_s is not None and now_s < self._open_until_s

    def note(self, *, is_well: bool, now_s: float) -> None:
        """One delivery is over; ``is_well``: the other side took it or gave a reason not to."""
        if is_well:
            self._failures, self._open_until_s = 0, None
            return
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until_s = now_s + OPEN_FOR_S


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
