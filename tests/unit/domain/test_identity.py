"""Guids and references: unique, rising with time, and still so when the clock stands or goes back."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.identity import BusReferences, Guids
from tests.fakes import NOON

LEAPS = st.lists(st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=3)), min_size=2, max_size=50)


def zeros(number):
    return bytes(number)


def ones(number):
    return b"\xff" * number


def test_a_guid_is_a_uuid_of_version_7_that_tells_its_millisecond():
    guid = UUID(Guids(ones)(NOON + timedelta(milliseconds=7)))

    assert (7, "specified in RFC 4122") == (guid.version, guid.variant)
    assert int(NOON.timestamp() * 1000) + 7 == guid.int >> 80


def test_a_guid_is_written_as_other_programs_write_it():
    text = Guids(ones)(NOON)

    assert str(UUID(text)) == text


def test_guids_of_one_moment_rise_even_if_randomness_fails():
    guids = Guids(zeros)

    given_out = [guids(NOON) for _ in range(10_000)]

    assert sorted(set(given_out)) == given_out


def test_two_generators_differ_by_their_randomness():
    assert Guids(zeros)(NOON) != Guids(ones)(NOON)


@given(LEAPS)
def test_guids_rise_wherever_the_clock_leaps(leaps):
    guids = Guids(zeros)

    given_out = [guids(NOON + leap) for leap in leaps]

    assert sorted(set(given_out)) == given_out


def test_a_reference_of_bus_traffic_has_its_day_and_seven_characters():
    assert re.fullmatch(r"REF-20260131-[0-9A-Z]{7}", BusReferences()(NOON))


def test_references_of_one_moment_rise():
    references = BusReferences()

    given_out = [references(NOON) for _ in range(10_000)]

    assert sorted(set(given_out)) == given_out


def test_the_references_of_a_day_fill_its_space_from_first_to_last():
    midnight = datetime(2026, 1, 31, tzinfo=NOON.tzinfo)

    first, last = BusReferences()(midnight), BusReferences()(midnight + timedelta(days=1, microseconds=-1))

    assert ("REF-20260131-0000000", "REF-20260131-ZZZZZ") == (first, last[:-2])


def test_a_new_day_begins_anew():
    references = BusReferences()
    references(NOON)

    assert references(datetime(2026, 2, 1, tzinfo=NOON.tzinfo)) == "REF-20260201-0000000"


def test_a_clock_that_goes_back_over_midnight_does_not_use_up_the_day():
    references = BusReferences()
    references(datetime(2026, 2, 1, tzinfo=NOON.tzinfo))

    assert references(datetime(2026, 1, 31, 23, 59, 59, tzinfo=NOON.tzinfo)) == "REF-20260201-0000001"


@given(LEAPS)
def test_references_rise_wherever_the_clock_leaps(leaps):
    references = BusReferences()

    given_out = [references(NOON + leap) for leap in leaps]

    assert sorted(set(given_out)) == given_out
