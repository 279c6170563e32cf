"""References: how they are made and how they are read, whoever writes them."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.reference import ALPHABET, LENGTHS, candidates, canonical
from tests.fakes import NOON


def test_a_candidate_is_of_the_day():
    last_minute = NOON + timedelta(hours=11, minutes=59)

    assert ["REF-20260131-777"] == candidates(last_minute, lambda _alphabet: "7", length=3, number=1)


@pytest.mark.parametrize("length", LENGTHS)
def test_candidates_have_the_length_that_is_asked_for(length):
    assert {length} == {len(each.rpartition("-")[2]) for each in candidates(NOON, secrets.choice, length=length, number=50)}


def test_no_candidate_is_offered_twice():
    characters = iter("AAABAAAAB")

    assert ["REF-20260131-AAA", "REF-20260131-BAA", "REF-20260131-AAB"] == candidates(
        NOON, lambda _alphabet: next(characters), length=3, number=3
    )
    assert 1 == len(candidates(NOON, lambda _alphabet: "7", length=3, number=3))


def test_every_letter_and_digit_may_be_chosen():
    offered = []
    candidates(NOON, lambda alphabet: offered.append(alphabet) or "A", length=3, number=1)

    assert {"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"} == set(offered)


def test_what_is_made_is_read_as_it_is():
    made = [each for length in LENGTHS for each in candidates(NOON, secrets.choice, length=length, number=20)]

    assert made == [canonical(each) for each in made]


@given(st.text(ALPHABET, min_size=3, max_size=7), st.sampled_from(["", " ", "\n", "\u00a0"]))
def test_case_and_space_around_a_reference_do_not_matter(code, space):
    assert f"REF-20251229-{code}" == canonical(f"{space}ref-20251229-{code.lower()}{space}")


@pytest.mark.parametrize(
    "text",
    [
        "", "A7K", "REF-20251229-A7", "REF-20251229-A7KA7KA7", "REF-2025129-A7K", "REF-20251229-A_K", "REF 20251229 A7K",
        "REF-20251229-A7K!", "REF-20251229-A7\u212a", "REF-20251229-\u017f\u0131K", "REF-٢٠٢٥١٢٢٩-A7K",
    ],
)  # fmt: skip
def test_anything_else_is_no_reference(text):
    assert canonical(text) is None
