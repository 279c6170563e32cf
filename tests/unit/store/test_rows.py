"""Times and JSON in the form in which both databases keep them, and the statements for many rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql, sqlite

from axion_bus.store.rows import read_time, read_time_or_none, select_rows, stored_json, stored_time
from axion_bus.store.schema import UtcDateTime, alert, exact_collation

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-11, minutes=-30))])
MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001 - hypothesis adds the zone


@given(MOMENTS)
def test_a_moment_comes_back_whatever_its_zone(moment):
    found = read_time(stored_time(moment))

    assert (moment, UTC) == (found, found.tzinfo)


@given(MOMENTS)
def test_a_moment_is_the_text_that_sqlalchemy_stores_in_sqlite(moment):
    dialect = sqlite.dialect()
    convert = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)

    assert convert(moment) == stored_time(moment)


@given(MOMENTS, MOMENTS)
def test_texts_of_moments_are_ordered_as_the_moments_are(one, other):
    assert (one < other) == (stored_time(one) < stored_time(other))


def test_no_moment_is_no_moment():
    assert (None, None) == (stored_time(None), read_time_or_none(None))


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        stored_time(datetime(2026, 1, 31))  # noqa: DTZ001 - that is the point


def test_json_is_compact_and_takes_what_a_row_has():
    assert '{"a":"é","n":[1,null]}' == stored_json({"a": "é", "n": (1, None)})


def test_a_read_only_mapping_is_json_as_well():
    assert '{"a":"b"}' == stored_json(dict(MappingProxyType({"a": "b"})))


@pytest.mark.parametrize("dialect", [sqlite.dialect(), mysql.dialect()], ids=["sqlite", "mysql"])
def test_a_row_is_read_as_one_json_array(dialect):
    sql = str(select_rows((alert.c.AlertGuid, alert.c.Labels)).compile(dialect=dialect))

    assert sql.startswith("SELECT json_array(data_alert.")


def test_texts_are_compared_exactly_on_either_server():
    mariadb = mysql.dialect()
    mariadb.is_mariadb = True

    assert ("utf8mb4_nopad_bin", "utf8mb4_0900_bin") == (exact_collation(mariadb), exact_collation(mysql.dialect()))
