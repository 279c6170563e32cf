"""What a test of the pipeline asks of what was stored and published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.communication import Communication, CommunicationStatus, Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.buses import FakePublisher, Published
    from tests.fakes.store import MemoryStore


def rows(store: MemoryStore, direction: Direction = Direction.INBOUND) -> list[Communication]:
    """The rows of the audit stream that came in, or went out."""
    return [row.communication for row in store.tables.rows.values() if row.communication.direction is direction]


def status(store: MemoryStore, guid: str) -> CommunicationStatus:
    """What has become of a row."""
    return store.tables.rows[guid].communication.status


def all_sent(store: MemoryStore) -> bool:
    """Whether nothing is left to send, and nothing failed."""
    return all(row.communication.status is CommunicationStatus.SENT for row in store.tables.rows.values())


def published(publisher: FakePublisher) -> list[str]:
    """The ids of the events that were sent, in order."""
    return [event.data["id"] for event in publisher.events]


def holding(*ids: str) -> Callable[[Published], bool]:
    """A broker that does not acknowledge the events ``ids``."""
    return lambda published: published.is_event and published.data["id"] in ids
