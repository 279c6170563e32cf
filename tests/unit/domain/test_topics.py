"""MQTT topic names and filters: well-formedness, matching, overlap; the last against brute force."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.topics import check_filter, check_name, covers, matches, overlap, without_covered

NAMES = ("", "a", "b", "$x")
ALL_TOPICS = tuple("/".join(levels) for length in range(1, 5) for levels in product(NAMES, repeat=length))
FILTERS = st.builds(
    lambda levels, tail: "/".join((*levels, *tail)),
    st.lists(st.sampled_from((*NAMES, "+")), min_size=1, max_size=3),
    st.sampled_from(((), ("#",))),
) | st.just("#")


def brute_force_matches(filter_: str, topic: str) -> bool:
    """MQTT 5 section 4.7.1.2 word by word: # is the parent and any number of child levels."""
    if filter_[0:1] in ("+", "#") and topic[0:1] == "$":
        return False
    levels, names = filter_.split("/"), topic.split("/")
    if levels[-1] == "#":
        levels, names = levels[:-1], names[: len(levels) - 1]
    return len(levels) == len(names) and all(level in ("+", name) for level, name in zip(levels, names, strict=True))


@pytest.mark.parametrize(
    ("filter_", "topic", "expected"),
    [
        ("sport/tennis/#", "sport/tennis", True),  # the examples of MQTT 5 section 4.7.1
        ("sport/tennis/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+", "/finance", False),
        ("/+", "/finance", True),
        ("#", "$SYS/uptime", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/uptime", True),
        ("$share/group/a/+", "a/b", True),
    ],
)
def test_a_filter_matches_as_in_the_standard(filter_, topic, expected):
    assert expected == matches(filter_, topic)


@given(FILTERS, st.sampled_from(ALL_TOPICS))
def test_matching_agrees_with_the_standard_taken_word_by_word(filter_, topic):
    assert brute_force_matches(filter_, topic) == matches(filter_, topic)


@given(FILTERS, FILTERS)
def test_two_filters_overlap_exactly_when_some_topic_matches_both(one, other):
    expected = any(brute_force_matches(one, topic) and brute_force_matches(other, topic) for topic in ALL_TOPICS)

    assert expected == overlap(one, other)


@given(FILTERS, FILTERS)
def test_overlap_is_symmetric(one, other):
    assert overlap(one, other) == overlap(other, one)


@given(FILTERS, FILTERS)
def test_a_filter_that_covers_another_matches_all_that_it_matches(one, other):
    missed = [topic for topic in ALL_TOPICS if matches(other, topic) and not matches(one, topic)]

    assert not (covers(one, other) and missed)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a/#", "a/b", True),
        ("a/#", "a", True),
        ("a/#", "a/+/#", True),
        ("a/+", "a/b", True),
        ("a/+", "a/+", True),
        ("#", "a/b", True),
        ("#", "$SYS/b", False),
        ("a/+", "a/#", False),
        ("a/+", "a/b/c", False),
        ("a/b", "a/+", False),
        ("a/b/c", "a/b", False),
        ("a/b", "a/b/c", False),
    ],
)
def test_a_filter_covers_another_or_not(one, other, expected):
    assert expected == covers(one, other)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (["a/b/#", "a/#"], ["a/#"]),
        (["a/+", "b/#", "a/b", "b"], ["a/+", "b/#"]),
        (["a/#", "a/#"], ["a/#"]),
        (["a/+/b", "a/b/+"], ["a/+/b", "a/b/+"]),
        (["$share/g/a/b", "a/#", "$share/g/a/#", "a/b"], ["$share/g/a/b", "a/#", "$share/g/a/#"]),
    ],
)
def test_what_another_filter_covers_is_left_out(filters, left):
    assert left == without_covered(filters)


def test_a_shared_group_does_not_hide_an_overlap():
    assert overlap("$share/workers/axion/#", "axion/events/#")


@pytest.mark.parametrize("filter_", ["a", "/", "a//b", "+/+", "#", "+/#", "$SYS/#", "$share/g/a/#", "Überwachung/+"])
def test_a_well_formed_filter_passes(filter_):
    assert check_filter(filter_) is None


@pytest.mark.parametrize(
    ("filter_", "reason"),
    [
        ("", "empty"),
        ("a/#/b", "last level"),
        ("a/b#", "last level"),
        ("a+/b", "whole level"),
        ("a\0b", "NUL"),
        ("\ud800", "Unicode"),
        ("ü" * 32_768, "65536 bytes"),
        ("$share/g", "shared"),
        ("$share/g/", "shared"),
        ("$share//a", "shared"),
        ("$share/+/a", "shared"),
    ],
)
def test_a_malformed_filter_is_refused_with_the_reason(filter_, reason):
    with pytest.raises(ValueError, match=reason):
        check_filter(filter_)


@pytest.mark.parametrize("topic", ["a/+", "#", "", "a\0"])
def test_a_topic_with_wildcards_cannot_be_published_to(topic):
    with pytest.raises(ValueError, match=r"wildcard|empty|NUL"):
        check_name(topic)


def test_a_topic_name_passes():
    assert check_name("axion/events") is None
