"""Who is told what happens, to count it, and what can be asked about how things stand; what is made of it is telemetry's matter.

A Meter never waits and never raises, and costs next to nothing: it is told of each message. All on the loop's thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from axion_bus.ports.messages import Outcome


class Meter(Protocol):
    """Counts. Every ``str`` that it is given is one of few: of an enum, or a name from the configuration."""

    def accepted(self, source: str | None, outcomes: Sequence[Outcome], waited_s: float) -> None:
        """A message of ``source`` (None: a request) is accepted and acknowledged, ``waited_s`` after it was received."""
        ...

    def batch(self, messages: int) -> None:
        """So many were accepted in one transaction."""
        ...

    def sent(self, channel: str, status: str, took_s: float) -> None:
        """One attempt to send a message on ``channel`` has ended."""
        ...

    def gap(self, reason: str) -> None:
        """A bus told of messages that are lost, or may be."""
        ...

    def committed(self, took_s: float) -> None:
        """A transaction was committed, ``took_s`` after it was asked for."""
        ...

    def store_failed(self, error: str) -> None:
        """A transaction was not committed; ``error`` is the name of our error's class."""
        ...


class Unmeasured:
    """A Meter for whoever does not want to know."""

    def accepted(self, source: str | None, outcomes: Sequence[Outcome], waited_s: float) -> None:
        """Nothing."""

    def batch(self, messages: int) -> None:
        """Nothing."""

    def sent(self, channel: str, status: str, took_s: float) -> None:
        """Nothing."""

    def gap(self, reason: str) -> None:
        """Nothing."""

    def committed(self, took_s: float) -> None:
        """Nothing."""

    def store_failed(self, error: str) -> None:
        """Nothing."""


UNMEASURED: Meter = Unmeasured()


class Queue(Protocol):
    """Messages that were delivered and are not yet accepted."""

    @property
    def held(self) -> int:
        """How many."""
        ...

    @property
    def held_bytes(self) -> int:
        """How much."""
        ...

    @property
    def is_paused(self) -> bool:
        """Whether the buses are held back."""
        ...

    @property
    def oldest_at(self) -> datetime | None:
        """When the one that waits longest was received; None: there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is PENDING on a channel. ``due_at`` is when the first of it is, or was, to be sent."""

    messages: int
    queued_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a database stands, for all who work on it: what is to be sent, by channel; how many incidents are open, by severity."""

    backlogs: Mapping[str, Backlog]
    open_incidents: Mapping[str, int]


class Survey(Protocol):
    """A database that can be asked how it stands."""

    async def standing(self) -> Standing:
        """Count. Raises StoreUnavailable, StoreConflict."""
        ...
