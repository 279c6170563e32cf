"""The picture: a well-formed SVG whose bars are the statuses and whose marks stand where things happened."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.reports.picture import draw, spans
from tests.unit.reports.conftest import an_entry, at, material

SVG = "{http://www.w3.org/2000/svg}"
LEFT, RIGHT = 92.0, 904.0


def drawn(timeline=(), statuses=(), until=60):
    return ET.fromstring(draw(material().incident, list(timeline), list(statuses), at(until)))


def bars(picture):
    return [
        (float(each.get("x")), float(each.get("width")), each.find(f"{SVG}title").text)
        for each in picture.iter(f"{SVG}rect")
        if each.find(f"{SVG}title") is not None
    ]


def marks(picture):
    return [(float(each.get("cx")), float(each.get("cy")), each.find(f"{SVG}title").text) for each in picture.iter(f"{SVG}circle")]


def axis(picture):
    return [each.text for each in picture.iter(f"{SVG}text") if each.get("text-anchor") == "middle"]


def test_a_reopened_incident_was_closed_in_between():
    picture = drawn(statuses=[(at(0), "CREATED"), (at(15), "CLOSED"), (at(30), "INVESTIGATING"), (at(60), "CLOSED")])

    quarter = (RIGHT - LEFT) / 4
    assert [
        (LEFT, quarter, "CREATED"), (LEFT + quarter, quarter, "CLOSED"), (LEFT + 2 * quarter, 2 * quarter, "INVESTIGATING"),
    ] == bars(picture)  # fmt: skip


def test_without_a_history_it_has_always_been_what_it_is():
    assert [(LEFT, RIGHT - LEFT, "CLOSED")] == bars(drawn())


def test_a_status_that_is_told_again_is_no_change_and_one_of_no_time_is_left_out():
    told = [(at(0), "CREATED"), (at(1), "CREATED"), (at(2), "INVESTIGATING"), (at(2), "MONITORING")]

    assert [("CREATED", at(0), at(2)), ("MONITORING", at(2), at(9))] == list(spans(told, at(9)))


def test_what_happened_stands_in_its_lane_at_its_time():
    timeline = [an_entry(0, "ALERT_LINKED", "a"), an_entry(30, "NOTE_ADDED", "b"), an_entry(60, "NOTIFICATION_SENT", "c")]

    assert [(92, 82, "12:00:00 a"), (498, 106, "12:30:00 b"), (904, 130, "13:00:00 c")] == marks(drawn(timeline))


def test_what_happened_before_or_after_stands_at_the_edge():
    timeline = [an_entry(-30, "ALERT_LINKED", "merged in"), an_entry(99, "NOTE_ADDED", "post mortem")]

    assert [LEFT, RIGHT] == [x for x, _, _ in marks(drawn(timeline))]


def test_a_storm_is_a_few_marks_that_say_how_many():
    timeline = [an_entry(30 + number / 100_000, "ALERT_LINKED", f"alert {number}") for number in range(1000)]

    assert [(498, 82, "12:30:00 alert 0 (and 999 more)")] == marks(drawn(timeline))


@pytest.mark.parametrize(
    ("minutes", "labels"),
    [
        (0.1, ["12:00:00", "12:00:01", "12:00:02", "12:00:03", "12:00:04", "12:00:05", "12:00:06"]),
        (60, ["12:00", "12:10", "12:20", "12:30", "12:40", "12:50", "13:00"]),
        (60 * 24, ["12:00", "15:00", "18:00", "21:00", "00:00", "03:00", "06:00", "09:00", "12:00"]),
        (60 * 24 * 5, ["02-01", "02-02", "02-03", "02-04", "02-05"]),
    ],
)
def test_the_axis_has_round_times(minutes, labels):
    assert labels == axis(drawn(until=minutes))


@given(st.floats(0, 60 * 24 * 365 * 50))
def test_the_axis_has_room_for_its_labels_however_long_it_took(minutes):
    assert 1 <= len(axis(drawn(until=minutes))) + (minutes < 1 / 60) <= 10


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Z"])),
    st.sampled_from(["ALERT_LINKED", "SOMETHING_NEW"]),
)
def test_every_text_is_escaped(text, kind):
    picture = drawn([an_entry(1, kind, text)], [(at(0), "CREATED")])

    assert f"12:01:00 {text[:200]}" == marks(picture)[0][2]


def test_it_says_in_words_what_it_shows():
    picture = drawn(statuses=[(at(0), "CREATED"), (at(5), "INVESTIGATING")])

    assert "Timeline: CREATED from 2026-01-31 12:00:00 UTC, INVESTIGATING from 2026-01-31 12:05:00 UTC" == picture[0].text


@pytest.mark.parametrize("until", [0, -5])
def test_an_incident_of_no_time_is_drawn_all_the_same(until):
    picture = drawn(statuses=[(at(0), "CREATED")], until=until)

    assert [(LEFT, RIGHT - LEFT, "CREATED")] == bars(picture)
