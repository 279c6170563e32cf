"""When it happened: a time that can be trusted, or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.reading import an_alert


def read(occurred_at):
    return an_alert("native", json.dumps({"title": "t", "occurred_at": occurred_at}))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-31T22:00:00Z", datetime(2026, 1, 31, 22, tzinfo=UTC)),
        ("2026-01-31t22:00:00z", datetime(2026, 1, 31, 22, tzinfo=UTC)),
        ("2026-01-31 22:00:00+00:00", datetime(2026, 1, 31, 22, tzinfo=UTC)),
        ("2026-02-01T07:30:00+09:30", datetime(2026, 1, 31, 22, tzinfo=UTC)),
        ("2026-01-31T22:00:00.123456789Z", datetime(2026, 1, 31, 22, 0, 0, 123456, UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        (1769896800, datetime(2026, 1, 31, 22, tzinfo=UTC)),
        (1769896800.25, datetime(2026, 1, 31, 22, 0, 0, 250_000, UTC)),
    ],
)
def test_a_time_with_its_offset_or_in_seconds_is_taken_in_utc(written, expected):
    alert = read(written)

    assert expected == alert.occurred_at
    assert alert.occurred_at.tzinfo is UTC
    assert alert.remarks == ()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2026-01-31T22:00:00", "has no offset (Z or +01:00)"),
        ("2026-01-31", "has no offset (Z or +01:00)"),
        ("yesterday", "is not a time of RFC 3339"),
        ("2026-02-30T00:00:00Z", "is not a time of RFC 3339"),
        ("2016-12-31T23:59:60Z", "is not a time of RFC 3339"),  # a leap second
        ("1769896800", "is not a time of RFC 3339"),
        ("0001-01-01T00:00:00+14:00", "is not between 2000 and 2099"),
        ("1999-12-31T23:59:59Z", "is not between 2000 and 2099"),
        ("9999-12-31T23:59:59-14:00", "is not between 2000 and 2099"),
        (1769896800000, "is not between 2000 and 2099, in seconds since 1970"),
        (0, "is not between 2000 and 2099, in seconds since 1970"),
        (-5.5, "is not between 2000 and 2099, in seconds since 1970"),
        (10**4000, "is not between 2000 and 2099, in seconds since 1970"),
    ],
)
def test_a_time_that_cannot_be_trusted_is_left_out_and_the_alert_is_accepted(written, why):
    alert = read(written)

    assert alert.occurred_at is None
    (remark,) = alert.remarks
    assert remark.endswith(f" {why}; it is left out")
    assert len(remark) < 150
