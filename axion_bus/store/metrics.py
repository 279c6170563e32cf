"""Figures of incidents, counted by the database: how many, and how long they took to be acknowledged and resolved, in hours.

One statement each for the counts and for each of the two times; no incident crosses to Python. Called by the manager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Float, Integer, Select, case, cast, func, select, text

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.store.schema import incident

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Column
    from sqlalchemy.ext.asyncio import AsyncConnection

_c = incident.c
_MICROSECONDS_AN_HOUR = 3_600_000_000
_ROUNDED_TO = 4


async def metrics(
    connection: AsyncConnection, *, package: str | None, start_date: datetime | None, end_date: datetime | None
) -> dict[str, Any]:
    """Figures of the incidents created from ``start_date`` to ``end_date``, both included; with none, zeros and None."""
    wanted: list[ColumnElement[bool]] = []
    if package is not None:
        wanted.append(_c.Package == package)
    if start_date is not None:
        wanted.append(_c.CreatedAt >= start_date)
    if end_date is not None:
        wanted.append(_c.CreatedAt <= end_date)
    counts = await _counts(connection, wanted)
    acknowledged = await _times(connection, _c.AcknowledgedAt, wanted)
    # one that was merged into another was not resolved: that other is
    resolved = await _times(connection, _c.ClosedAt, [*wanted, _c.CloseReason != CloseReason.MERGED.value])
    named = {f"{name}_acknowledge_time_hours": value for name, value in acknowledged.items()}
    return {**counts, **named, **{f"{name}_resolution_time_hours": value for name, value in resolved.items()}}


async def _counts(connection: AsyncConnection, wanted: list[ColumnElement[bool]]) -> dict[str, Any]:
    by = _c.Severity, _c.Status, _c.Package
    counts: tuple[dict[str, int], dict[str, int], dict[str, int]]
    counts = ({each.name: 0 for each in reversed(Severity)}, {each.value: 0 for each in IncidentStatus}, {})
    total = 0
    for *values, number in await connection.execute(select(*by, func.count()).where(*wanted).group_by(*by)):
        total += number
        for count, value in zip(counts, values, strict=True):
            count[value] = count.get(value, 0) + number
    severity, status, packages = counts
    return {
        "total_incidents": total,
        "open_incidents": total - status[IncidentStatus.CLOSED],
        "by_severity": severity,
        "by_status": status,
        "by_package": dict(sorted(packages.items())),
    }


async def _times(connection: AsyncConnection, until: Column[Any], wanted: list[ColumnElement[bool]]) -> dict[str, float | None]:
    """Average, median and 90th percentile (nearest rank) of the time from creation to ``until``."""
    found = (await connection.execute(_time_statement(connection, until, wanted))).one()
    return {name: None if value is None else round(float(value), _ROUNDED_TO) for name, value in found._mapping.items()}  # noqa: SLF001 - SQLAlchemy's documented name


def _time_statement(connection: AsyncConnection, until: Column[Any], wanted: list[ColumnElement[bool]]) -> Select[Any]:
    hours = select(_hours(connection, until).label("hours")).where(until.is_not(None), *wanted).subquery().c.hours
    place = func.row_number().over(order_by=hours).label("place")
    times = select(hours, place, func.count().over().label("number")).subquery()
    c = times.c
    middle = case((c.place.in_([_half(c.number + 1), _half(c.number + 2)]), c.hours))
    ninetieth = case((c.place == cast(func.floor((c.number * 9 + 9) / 10), Integer), c.hours))
    return select(func.avg(c.hours).label("avg"), func.avg(middle).label("median"), func.max(ninetieth).label("p90"))


def _half(number: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.floor(number / 2), Integer)


def _hours(connection: AsyncConnection, until: Column[Any]) -> ColumnElement[Any]:
    if connection.dialect.name == "mysql":
        return func.timestampdiff(text("MICROSECOND"), _c.CreatedAt, until) / _MICROSECONDS_AN_HOUR
    return cast((func.julianday(until) - func.julianday(_c.CreatedAt)) * 24, Float)
