"""Rows for the store's tests, with what a test does not care about filled in, and short ways to write and look at them."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from axion_bus.domain.alert import AlertRecord, AlertStatus, Severity
from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.ports import Changes, Settlement, Sought
from tests.builders import an_incident
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from axion_bus.ports import Outgoing, Transaction
    from axion_bus.store.sql import SqlStore

LEASE = timedelta(seconds=30)

_numbers = count(1)


def a_record(name: str = "a", **given: Any) -> AlertRecord:
    """A firing alert whose guid and fingerprint are called after ``name``."""
    defaults: dict[str, Any] = {
        "guid": f"alert-{name}",
        "fingerprint": f"fingerprint-{name}",
        "source": "web",
        "package": "WEBAPI",
        "title": "API slow",
        "severity": Severity.HIGH,
        "status": AlertStatus.FIRING,
        "count": 1,
        "first_seen_at": NOON,
        "last_seen_at": NOON,
    }
    return AlertRecord(**{**defaults, **given})


def a_message(**given: Any) -> Communication:
    """An INBOUND row with a guid and a reference that no other has."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "guid": f"in-{number:06}",
        "short_ref": f"REF-IN-{number:06}",
        "channel": Channel.MQTT,
        "direction": Direction.INBOUND,
        "status": CommunicationStatus.RECEIVED,
        "message": "{}",
        "recipient": "axion/alerts/web",
        "timestamp": NOON,
        "metadata": {"reason": "repeated"},
    }
    return Communication(**{**defaults, **given})


def an_event(
    incident_guid: str | None = "incident-1", sequence: int | None = 1, *, due: datetime = NOON, **given: Any
) -> Communication:
    """An OUTBOUND row, PENDING, due at ``due``."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "guid": f"out-{number:06}",
        "short_ref": f"REF-OUT-{number:06}",
        "channel": Channel.MQTT,
        "direction": Direction.OUTBOUND,
        "status": CommunicationStatus.PENDING,
        "message": "{}",
        "recipient": "axion/events/incident/created",
        "timestamp": due,
        "metadata": {"reason": "opened"},
        "incident_guid": incident_guid,
        "sequence": sequence,
        "next_attempt_at": due,
    }
    return Communication(**{**defaults, **given})


async def save(store: SqlStore, **changes: Any) -> None:
    """Write ``changes``, named as in ``ports.Changes``, in one transaction."""
    await store.write(lambda transaction: transaction.save(Changes(**changes)))


async def queue(store, *events):
    """Queue ``events`` and the incidents that they are about."""
    known = {guid for (guid,) in await look(store, "SELECT IncidentGuid FROM data_incident")}
    new = {event.incident_guid for event in events if event.incident_guid} - known
    await save(store, new_incidents=[an_incident(guid=guid) for guid in sorted(new)], communications=list(events))


def story(incident_guid, length, *, due=NOON):
    """So many events of one incident, in order."""
    return [an_event(incident_guid, sequence, due=due) for sequence in range(1, length + 1)]


async def outbox_row(store, guid):
    """Status, attempts, whether it is settled, lease and error of a row."""
    columns = "Status, Attempts, NextAttemptAt IS NULL, LeaseOwner, LeaseUntil IS NULL, ErrorMessage"
    (row,) = await look(store, f"SELECT {columns} FROM data_incident_communication WHERE CommunicationGuid = :guid", guid=guid)
    return row


async def claim(store: SqlStore, *, owner: str = "me", now: datetime = NOON, limit: int = 100) -> Sequence[Outgoing]:
    """What ``owner`` gets at ``now``, for LEASE."""
    return await store.claim(Channel.MQTT, owner=owner, now=now, lease_until=now + LEASE, limit=limit)


def delivered(outgoing: Outgoing, at: datetime = NOON) -> Settlement:
    """The broker has it."""
    return Settlement(outgoing.guid, outgoing.attempts + 1, at, at)


def failed(outgoing: Outgoing, again: datetime | None, at: datetime = NOON) -> Settlement:
    """The broker does not have it; ``again`` None: given up."""
    return Settlement(outgoing.guid, outgoing.attempts + 1, at, at, error="no route", next_attempt_at=again)


async def open_alerts(transaction: Transaction, fingerprints: Collection[str]) -> Sequence[AlertRecord]:
    """The firing alerts with these fingerprints, locked."""
    return (await transaction.meet(Sought(fingerprints=fingerprints, ends_after=NOON))).alerts


async def look(store: SqlStore, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """What is in the database, in its own words."""

    async def work(transaction):
        return [tuple(row) for row in await transaction.connection.execute(text(query), values)]

    return await store.write(work)
