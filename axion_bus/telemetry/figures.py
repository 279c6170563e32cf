"""What was counted since the process was started: plain numbers, told by the pipeline and the store, read at a scrape.

Not prometheus-client's own counters: those take a lock and a microsecond for each of the several things that an alert counts in,
and all of ours are on one thread. A reload goes on with the same figures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Asked, Fault, Reason
from axion_bus.ports import ALREADY_ACCEPTED
from axion_bus.telemetry import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axion_bus.ports import Outcome

REFUSED = "refused"
"""The outcome of what has a fault."""
_GAPS = (Fault.SESSION_LOST, Fault.SESSION_UNSURE, Fault.BROKER_DROPPED, Fault.SIGNALS_MISSED, Fault.SIGNALS_DROPPED)
GAPS = tuple(map(str, _GAPS))
FAULTS = tuple(str(fault) for fault in Fault if fault not in (*_GAPS, Fault.RELOAD_REFUSED))
STORE_ERRORS = ("StoreUnavailable", "StoreConflict", "StoreRefused")
STATUSES = ("sent", "postponed", "refused", "given_up")


class Spread:
    """Values counted by size: ``counts`` has one for each of ``bounds``, which belongs to it, and one for what is above."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count ``value``."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def _send_spread() -> Spread:
    return Spread(catalogue.SENDS_S.bounds)


class Figures:
    """``ports.Meter``. A dict's keys are the values of a metric's labels; ``connections`` are those of before the last reload."""

    def __init__(self) -> None:
        self.alerts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.requests: defaultdict[str, int] = defaultdict(int, dict.fromkeys([*map(str, Asked), REFUSED], 0))
        self.refused: defaultdict[str, int] = defaultdict(int, dict.fromkeys(FAULTS, 0))
        self.accepted_s = Spread(catalogue.ACCEPTED_S.bounds)
        self.batches = Spread(catalogue.BATCH.bounds)
        self.sends: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.sends_s: defaultdict[str, Spread] = defaultdict(_send_spread)
        self.connections: defaultdict[str, int] = defaultdict(int)
        self.gaps: defaultdict[str, int] = defaultdict(int, dict.fromkeys(GAPS, 0))
        self.transactions_s = Spread(catalogue.TRANSACTIONS_S.bounds)
        self.store_errors: defaultdict[str, int] = defaultdict(int, dict.fromkeys(STORE_ERRORS, 0))

    def expect(self, sources: Iterable[str], channels: Iterable[str]) -> None:
        """Begin at zero what may happen to ``sources`` and ``channels``: of what begins at one nobody sees that it has grown."""
        for source in sources:
            for outcome in (*Reason, ALREADY_ACCEPTED, REFUSED):
                self.alerts.setdefault((source, str(outcome)), 0)
        for channel in channels:
            self.sends_s.setdefault(channel, _send_spread())
            for status in STATUSES:
                self.sends.setdefault((channel, status), 0)

    def accepted(self, source: str | None, outcomes: Sequence[Outcome], waited_s: float) -> None:
        """A message is accepted; ``waited_s`` may be negative, when the clock was set back."""
        for outcome in outcomes:
            what = outcome.reason
            if outcome.error is not None:
                self.refused[what] += 1
                what = REFUSED
            if source is not None:
                self.alerts[source, what] += 1
            else:
                self.requests[what] += 1
        self.accepted_s.note(waited_s if waited_s > 0 else 0.0)

    def batch(self, messages: int) -> None:
        """So many were accepted in one transaction."""
        self.batches.note(messages)

    def sent(self, channel: str, status: str, took_s: float) -> None:
        """One attempt to send a message has ended."""
        self.sends[channel, status] += 1
        self.sends_s[channel].note(took_s if took_s > 0 else 0.0)

    def gap(self, reason: str) -> None:
        """Messages are lost, or may be."""
        self.gaps[reason] += 1

    def committed(self, took_s: float) -> None:
        """A transaction was committed."""
        self.transactions_s.note(took_s)

    def store_failed(self, error: str) -> None:
        """A transaction was not committed."""
        self.store_errors[error] += 1
