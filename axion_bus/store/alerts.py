"""Statements on ``data_alert``: open alerts by fingerprint, new ones, and repeats folded in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from sqlalchemy import bindparam, func, select

from axion_bus.domain.alert import AlertRecord, AlertStatus, Severity
from axion_bus.store.prepared import Prepared
from axion_bus.store.rows import (
    insert_rows,
    is_given,
    read_time,
    read_time_or_none,
    select_rows,
    stored_json,
    stored_time,
    update_rows,
)
from axion_bus.store.schema import alert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.store.together import Writer

_COLUMNS = tuple(column.name for column in alert.c if column.computed is None)
_CHANGING = ("AlertGuid", "Severity", "Status", "Count", "LastSeenAt", "OccurredAt", "ResolvedAt", "IncidentGuid", "SilencedBy")
OPEN = "alert"
"""The kind of the rows of ``open_of``."""
_locked = select_rows(alert.c[name] for name in _COLUMNS).with_for_update()
open_of = (
    select_rows((alert.c[name] for name in _COLUMNS), OPEN)
    # the hint: MariaDB would read a small table whole, and so wait for the rows that another daemon has locked
    .with_hint(alert, "FORCE INDEX (uq_alert_open)", "mysql")
    .where(is_given(alert.c.OpenFingerprint, "fingerprints"))
    .with_for_update()
)
"""The firing alerts with the ``fingerprints``, locked."""
_by_guid = Prepared(_locked.where(is_given(alert.c.AlertGuid)))
_silenced = (
    select(alert.c.AlertGuid)
    .where(alert.c.SilencedBy.is_not(None), alert.c.SilencedBy.not_in(bindparam("given", expanding=True)))
    .limit(bindparam("limit"))
)
_taken = select(alert.c.AlertGuid).where(is_given(alert.c.AlertGuid))
_firing = (
    select(alert.c.IncidentGuid, func.count())
    .where(is_given(alert.c.IncidentGuid), alert.c.Status == AlertStatus.FIRING.value)
    .group_by(alert.c.IncidentGuid)
)


async def by_guid(connection: AsyncConnection, guids: Collection[str]) -> list[AlertRecord]:
    """The alerts with these guids, locked."""
    return [read_record(*row) for row in await _by_guid.rows(connection, given=sorted(guids))]


async def silenced_otherwise(connection: AsyncConnection, silences: Collection[str], limit: int) -> list[AlertRecord]:
    """Firing alerts that something else than ``silences`` has silenced; looked for without a lock, then locked by guid."""
    found = (await connection.execute(_silenced, {"given": sorted(silences), "limit": limit})).scalars().all()
    locked = await by_guid(connection, found) if found else []
    return [each for each in locked if each.silenced_by is not None and each.silenced_by not in silences]


async def open_dedup_keys(connection: AsyncConnection, prefix: str) -> frozenset[str]:
    """The dedup keys of firing alerts that begin with ``prefix``; not locked."""
    begins = alert.c.DedupKey.startswith(prefix, autoescape=True)
    found = select(alert.c.DedupKey).where(alert.c.OpenFingerprint.is_not(None), begins)
    return frozenset(key for key in (await connection.execute(found)).scalars() if key is not None and key.startswith(prefix))


async def taken_guids(connection: AsyncConnection, guids: Collection[str]) -> frozenset[str]:
    """Those of ``guids`` that are in use."""
    return frozenset((await connection.execute(_taken, {"given": sorted(guids)})).scalars())


async def firing(connection: AsyncConnection, incident_guids: Collection[str]) -> dict[str, int]:
    """How many firing alerts each incident has."""
    counts = await connection.execute(_firing, {"given": sorted(incident_guids)})
    return {guid: number for guid, number in counts if guid is not None}


async def add(connection: Writer, records: Sequence[AlertRecord]) -> None:
    """Insert new alerts; a unique index refuses a second open one of a fingerprint."""
    await insert_rows(connection, alert, _COLUMNS, [_row(record) for record in _in_order(records)])


async def change(connection: Writer, records: Sequence[AlertRecord]) -> None:
    """Update alerts that this transaction has locked."""
    await update_rows(connection, alert, _CHANGING, [_changed(record) for record in _in_order(records)])


def _in_order(records: Iterable[AlertRecord]) -> list[AlertRecord]:
    """All writers take what they share in the same order, so that they wait for each other and never in a circle."""
    return sorted(records, key=lambda record: record.fingerprint)


def _row(record: AlertRecord) -> tuple[Any, ...]:
    return (
        record.guid,
        record.fingerprint,
        record.source,
        record.package,
        record.title,
        record.severity.name,
        record.status.value,
        record.description,
        stored_json(dict(record.labels)),
        record.count,
        stored_time(record.first_seen_at),
        stored_time(record.last_seen_at),
        stored_time(record.occurred_at),
        stored_time(record.resolved_at),
        record.incident_guid,
        record.dedup_key,
        record.silenced_by,
    )


def _changed(record: AlertRecord) -> tuple[Any, ...]:
    return (
        record.guid,
        record.severity.name,
        record.status.value,
        record.count,
        stored_time(record.last_seen_at),
        stored_time(record.occurred_at),
        stored_time(record.resolved_at),
        record.incident_guid,
        record.silenced_by,
    )


def read_record(  # noqa: PLR0917 - the columns, in their order
    guid: str,
    fingerprint: str,
    source: str,
    package: str,
    title: str,
    severity: str,
    status: str,
    description: str,
    labels: str,
    count: int,
    first_seen_at: str,
    last_seen_at: str,
    occurred_at: str | None,
    resolved_at: str | None,
    incident_guid: str | None,
    dedup_key: str | None,
    silenced_by: str | None,
) -> AlertRecord:
    """The alert that a row is."""
    return AlertRecord(
        guid=guid,
        fingerprint=fingerprint,
        source=source,
        package=package,
        title=title,
        severity=Severity[severity],
        status=AlertStatus(status),
        description=description,
        labels=from_json(labels),
        count=count,
        first_seen_at=read_time(first_seen_at),
        last_seen_at=read_time(last_seen_at),
        occurred_at=read_time_or_none(occurred_at),
        resolved_at=read_time_or_none(resolved_at),
        incident_guid=incident_guid,
        dedup_key=dedup_key,
        silenced_by=silenced_by,
    )
