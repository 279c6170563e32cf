"""Noise: silences, which keep alerts that match from opening incidents for a time.

Pure matching; when which silence is looked at is the pipeline's matter, what one does to an alert ``correlation``'s. The conditions
are those of rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import Alert
    from axion_bus.domain.rules import Matcher


class SilenceState(StrEnum):
    """Where a silence stands; the words are Alertmanager's."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Alerts that all of ``matchers`` match are silenced, from ``starts_at`` (None: ever) until ``ends_at`` (None: for ever).

    ``fault`` says what is wrong with one that somebody wrote into the table by hand; such a one silences nothing.
    """

    guid: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    comment: str = ""
    created_by: str = ""
    created_at: datetime | None = None
    expired_by: str | None = None
    fault: str | None = None

    def state(self, now: datetime) -> SilenceState:
        """Where it stands; its first instant belongs to it, its last does not."""
        if self.ends_at is not None and self.ends_at <= now:
            return SilenceState.EXPIRED
        if self.starts_at is not None and now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE

    def matches(self, alert: Alert) -> bool:
        """Whether ``alert`` is meant; with no condition, or a fault, none is: better a page too many."""
        return self.fault is None and bool(self.matchers) and all(matcher.test(alert) for matcher in self.matchers)


def active(silences: Iterable[Silence], now: datetime) -> tuple[Silence, ...]:
    """Those of ``silences`` that silence something now."""
    return tuple(each for each in silences if each.fault is None and each.state(now) is SilenceState.ACTIVE)


def silence_of(silences: Sequence[Silence], alert: Alert) -> Silence | None:
    """The first of ``silences``, which are active, that ``alert`` matches."""
    return next((each for each in silences if each.matches(alert)), None)
