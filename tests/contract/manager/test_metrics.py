"""Figures agree with what a few lines of Python count, whatever the incidents; bounds are inclusive; nothing gives zeros."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from statistics import fmean, median

import pytest

from axion_bus.domain.alert import Severity
from tests.chaos.ledger import query

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def put(store_url, number, *, created, acknowledged=None, closed=None, severity="HIGH", package="P", reason="RESOLVED"):
    status = "CLOSED" if closed else "INVESTIGATING" if acknowledged else "CREATED"
    at = [None if each is None else f"{each:%Y-%m-%d %H:%M:%S.%f}" for each in (created, created, acknowledged, closed)]
    query(
        store_url,
        "INSERT INTO data_incident (IncidentGuid, Title, Severity, Status, Package, Description, CreatedAt, UpdatedAt,"
        " AcknowledgedAt, ClosedAt, CloseReason, Version, Sequence) VALUES (%s, 't', %s, %s, %s, '', %s, %s, %s, %s, %s, 1, 0)",
        f"guid-{number}", severity, status, package, *at, reason if closed else None,
    )  # fmt: skip
    return {"created": created, "acknowledged": acknowledged, "closed": closed, "severity": severity, "status": status}


async def test_no_incident_gives_zeros_and_none(manager):
    figures = await manager.get_incident_metrics()

    assert (0, 0) == (figures["total_incidents"], figures["open_incidents"])
    assert {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "LOW": 0} == figures["by_severity"]
    assert {"CREATED": 0, "INVESTIGATING": 0, "MONITORING": 0, "CLOSED": 0} == figures["by_status"]
    assert {None} == {value for name, value in figures.items() if name.endswith("_hours")}


@pytest.mark.parametrize("number", [1, 2, 9, 10, 11, 60])
async def test_figures_agree_with_python(manager, store_url, number):
    chance = random.Random(number)
    made = []
    for each in range(number):
        created = BEGIN + timedelta(minutes=chance.randrange(10_000))
        acknowledged = created + timedelta(seconds=chance.randrange(1, 90_000)) if chance.random() < 0.8 else None
        closed = created + timedelta(seconds=chance.randrange(90_000, 900_000)) if chance.random() < 0.6 else None
        severity = chance.choice(list(Severity)).name
        made.append(put(store_url, each, created=created, acknowledged=acknowledged, closed=closed, severity=severity))

    figures = await manager.get_incident_metrics()

    assert number == figures["total_incidents"]
    assert {name: sum(m["severity"] == name for m in made) for name in figures["by_severity"]} == figures["by_severity"]
    assert {name: sum(m["status"] == name for m in made) for name in figures["by_status"]} == figures["by_status"]
    for end, name in (("acknowledged", "acknowledge"), ("closed", "resolution")):
        hours = sorted((m[end] - m["created"]) / timedelta(hours=1) for m in made if m[end])
        expected = (fmean(hours), median(hours), hours[math.ceil(0.9 * len(hours)) - 1]) if hours else (None, None, None)
        found = tuple(figures[f"{kind}_{name}_time_hours"] for kind in ("avg", "median", "p90"))
        assert found == (pytest.approx(expected, abs=1e-3) if hours else expected)


async def test_both_days_are_included_to_their_last_instant(manager, store_url):
    for number, created in enumerate(
        (
            datetime(2024, 12, 31, 23, 59, 59, 999_999, UTC),
            datetime(2025, 1, 1, tzinfo=UTC),
            datetime(2025, 1, 31, 23, 59, 59, 999_999, UTC),
            datetime(2025, 2, 1, tzinfo=UTC),
        )
    ):
        put(store_url, number, created=created)

    by_text = await manager.get_incident_metrics(start_date="2025-01-01", end_date="2025-01-31")
    by_date = await manager.get_incident_metrics(start_date=date(2025, 1, 1), end_date=date(2025, 1, 31))
    by_time = await manager.get_incident_metrics(start_date="2025-01-01T01:00:00+01:00", end_date="2025-01-31T23:59:59.999999Z")

    assert [2, 2, 2] == [figures["total_incidents"] for figures in (by_text, by_date, by_time)]


async def test_one_package_is_counted_alone(manager, store_url):
    put(store_url, 1, created=BEGIN, package="A")
    put(store_url, 2, created=BEGIN, package="B")

    figures = await manager.get_incident_metrics(package="A")

    assert (1, {"A": 1}) == (figures["total_incidents"], figures["by_package"])


async def test_a_merged_incident_counts_but_was_not_resolved(manager, store_url):
    put(store_url, 1, created=BEGIN, closed=BEGIN + timedelta(hours=1), reason="MERGED")
    put(store_url, 2, created=BEGIN, closed=BEGIN + timedelta(hours=3))

    figures = await manager.get_incident_metrics()

    assert (2, 3.0) == (figures["total_incidents"], figures["avg_resolution_time_hours"])
