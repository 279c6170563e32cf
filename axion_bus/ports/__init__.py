"""All ports: what the inside needs of a store, of buses, of ways to reach people and of a clock, and the values that cross over.

Adapters implement these; nothing else does. ``messages.py`` has the values, ``store.py`` the database and ``rows.py``
what goes in and out there, ``meter.py`` what is measured, ``sides.py`` the rest.
"""

from axion_bus.ports.messages import (
    ALREADY_ACCEPTED,
    ORIGIN_PROPERTY,
    Answered,
    Attributes,
    Letter,
    Outcome,
    Outgoing,
    Receipt,
    Received,
    Settlement,
)
from axion_bus.ports.meter import UNMEASURED, Backlog, Meter, Queue, Standing, Survey
from axion_bus.ports.rows import Changes, Leased, Link, Met, Slot, Sought
from axion_bus.ports.sides import (
    Bus,
    Channel,
    Clock,
    Losses,
    Projection,
    Publisher,
    Requests,
)
from axion_bus.ports.store import Store, Transaction

__all__ = [
    "ALREADY_ACCEPTED",
    "ORIGIN_PROPERTY",
    "UNMEASURED",
    "Answered",
    "Attributes",
    "Backlog",
    "Bus",
    "Changes",
    "Channel",
    "Clock",
    "Leased",
    "Letter",
    "Link",
    "Losses",
    "Met",
    "Meter",
    "Outcome",
    "Outgoing",
    "Projection",
    "Publisher",
    "Queue",
    "Receipt",
    "Received",
    "Requests",
    "Settlement",
    "Slot",
    "Sought",
    "Standing",
    "Store",
    "Survey",
    "Transaction",
]
