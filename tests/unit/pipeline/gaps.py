"""What the tests of gaps share: a client id that had a session, and what was put on record."""

from __future__ import annotations

from datetime import timedelta

from axion_bus.ports import Slot
from tests.fakes import NOON

KNOWN = Slot(client_id="axion-bus-test", subscribed_at=NOON - timedelta(hours=1), broker_dropped=100)


def rows(store):
    return [row.communication for row in store.tables.rows.values()]


def reasons(store):
    return [row.metadata["reason"] for row in rows(store)]
