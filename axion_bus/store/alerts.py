"""Statements on ``data_alert``: open alerts by fingerprint, new ones, and repeats folded in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from axion_bus.domain.alert import AlertRecord, AlertStatus, Severity
from axion_bus.store.engine import insert, upsert
from axion_bus.store.schema import alert

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

_CHANGING = ("Severity", "Status", "Count", "LastSeenAt", "OccurredAt", "ResolvedAt", "IncidentGuid")
_columns = [column for column in alert.c if column.computed is None]
_open = select(*_columns).with_for_update()


async def open_by_fingerprint(connection: AsyncConnection, fingerprints: Collection[str]) -> list[AlertRecord]:
    """The firing alerts with these fingerprints, locked."""
    found = await connection.execute(_open.where(alert.c.OpenFingerprint.in_(sorted(fingerprints))))
    return [_record(row) for row in found]


async def taken_guids(connection: AsyncConnection, guids: Collection[str]) -> frozenset[str]:
    """Those of ``guids`` that are in use."""
    found = await connection.execute(select(alert.c.AlertGuid).where(alert.c.AlertGuid.in_(sorted(guids))))
    return frozenset(found.scalars())


async def firing(connection: AsyncConnection, incident_guids: Collection[str]) -> dict[str, int]:
    """How many firing alerts each incident has."""
    counts = (
        select(alert.c.IncidentGuid, func.count())
        .where(alert.c.IncidentGuid.in_(sorted(incident_guids)), alert.c.Status == AlertStatus.FIRING.value)
        .group_by(alert.c.IncidentGuid)
    )
    return {guid: number for guid, number in await connection.execute(counts) if guid is not None}


async def add(connection: AsyncConnection, records: Sequence[AlertRecord]) -> None:
    """Insert new alerts; a unique index refuses a second open one of a fingerprint."""
    if records:
        rows = [_row(record) for record in sorted(records, key=lambda record: record.fingerprint)]
        await connection.execute(insert(alert, connection), rows)


async def change(connection: AsyncConnection, records: Sequence[AlertRecord]) -> None:
    """Update alerts that this transaction has locked, as one multi-row statement."""
    if records:
        rows = [_row(record) for record in sorted(records, key=lambda record: record.fingerprint)]
        await connection.execute(upsert(alert, connection, _CHANGING), rows)


def _row(record: AlertRecord) -> dict[str, Any]:
    return {
        "AlertGuid": record.guid,
        "Fingerprint": record.fingerprint,
        "Source": record.source,
        "Package": record.package,
        "Title": record.title,
        "Severity": record.severity.name,
        "Status": record.status.value,
        "Description": record.description,
        "Labels": dict(record.labels),
        "Count": record.count,
        "FirstSeenAt": record.first_seen_at,
        "LastSeenAt": record.last_seen_at,
        "OccurredAt": record.occurred_at,
        "ResolvedAt": record.resolved_at,
        "IncidentGuid": record.incident_guid,
    }


def _record(row: Row[Any]) -> AlertRecord:
    return AlertRecord(
        guid=row.AlertGuid,
        fingerprint=row.Fingerprint,
        source=row.Source,
        package=row.Package,
        title=row.Title,
        severity=Severity[row.Severity],
        status=AlertStatus(row.Status),
        description=row.Description,
        labels=row.Labels,
        count=row.Count,
        first_seen_at=row.FirstSeenAt,
        last_seen_at=row.LastSeenAt,
        occurred_at=row.OccurredAt,
        resolved_at=row.ResolvedAt,
        incident_guid=row.IncidentGuid,
    )
