"""Stand-ins for the outside world: a store in memory, a bus that delivers, a broker that takes publications, people, and time.

They keep what ``axion_bus.ports`` promises, so that what is tested against them is tested against the port. No I/O.
"""

from __future__ import annotations

from tests.fakes.buses import FakeBus, FakePublisher, Published
from tests.fakes.channels import NEVER, FakeChannel
from tests.fakes.store import MemoryStore, MemoryTransaction
from tests.fakes.tables import Row, Tables
from tests.fakes.time import NOON, FakeClock, LoopClock, VirtualTimeLoop, time_passes, until

__all__ = [
    "NEVER",
    "NOON",
    "FakeBus",
    "FakeChannel",
    "FakeClock",
    "FakePublisher",
    "LoopClock",
    "MemoryStore",
    "MemoryTransaction",
    "Published",
    "Row",
    "Tables",
    "VirtualTimeLoop",
    "time_passes",
    "until",
]
