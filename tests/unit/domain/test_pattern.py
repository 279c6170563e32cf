"""Regular expressions of conditions: what they match, what is refused, and that none holds anybody up."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.pattern import MAX_PLACES, compile_pattern

LONGEST = 65_536
"""A description's characters, at most."""


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("web", "web", True),
        ("web", "web-1", False),
        ("web", "my web", False),
        ("web", "web\n", False),
        ("a|b", "ab", False),
        (".*b", "a\nb", True),
        ("(?i)WEB", "web", True),
        ("(?i:w)EB", "web", False),
        (r"\w+", "größe", True),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "01a20f85-3b9a-7001-94e8-e3449b9734a2", True),
        (r"web \(?xen\)?", "web (xen)", True),
        (r"\{9999}", "{9999}", True),
        (r"[{]9999}", "{9999}", True),
        ("", "", True),
    ],
)
def test_a_pattern_matches_the_whole_text_or_does_not(pattern, text, expected):
    assert expected is compile_pattern(pattern)(text)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unclosed group"),
        ("a)(b", "unopened group"),
        ("a\\", "incomplete escape"),
        ("*", "repetition operator missing"),
        ("(?=x)a", "look-around"),
        (r"(a)\1", "backreferences"),
        ("(" * 300 + ")" * 300, "nested parentheses"),
        (r"\w{1000}", "size limit"),
        ("(?ix) a", "flag x"),
        ("a{1001}", "more than 1000 places"),
        ("a{2,1001}", "more than 1000 places"),
        ("a{1001,}", "more than 1000 places"),
        ("(a{100}b){10}", "more than 1000 places"),
        ("[a-z]{32}{32}", "more than 1000 places"),
        ("(ab){20}{30}", "more than 1000 places"),
        ("(){1000}{1000}", "more than 1000 places"),
        ("a" * 1001, "more than 1000 places"),
        ("a{" + "9" * 1000 + "}", "more than 1000 places"),
    ],
)
def test_a_pattern_that_is_none_or_that_could_take_long_is_refused_with_the_reason(pattern, reason):
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*a){12}b", "(.*a){300}[0-9](a.*)*"])
def test_a_pattern_that_could_match_in_very_many_ways_is_told_at_once(pattern):
    began = time.monotonic()
    is_match = compile_pattern(pattern)("a" * LONGEST)

    assert not is_match
    assert time.monotonic() - began < 10  # seconds; Python's own engine takes longer than there is time


PIECES = ("a", ".", "*", "+", "?", "(", ")", "[", "]", "^", "|", "\\", "{", "9", ",", "}", "(?", "x", ":", r"\w", "é")


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.text(max_size=50))
def test_any_text_is_a_pattern_or_a_fault_and_nothing_else(pattern, text):
    with suppress(ValueError):
        assert compile_pattern(pattern)(text) in {True, False}


def test_as_many_places_as_there_may_be_are_taken():
    assert compile_pattern(f"a{{{MAX_PLACES}}}")("a" * MAX_PLACES)
