"""References: how they are made and how they are read, whoever writes them."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.reference import ALPHABET, candidates, canonical
from tests.fakes import NOON


def test_candidates_are_of_the_day_short_ones_first():
    tries = list(candidates(NOON + timedelta(hours=11, minutes=59), lambda _alphabet: "7"))

    assert [f"REF-20260131-{'7' * length}" for length in (3, 4, 5, 6, 7)] == [each[0] for each in tries]
    assert {8} == {len(each) for each in tries}


def test_every_letter_and_digit_may_be_chosen():
    offered = []
    next(candidates(NOON, lambda alphabet: offered.append(alphabet) or "A"))

    assert {"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"} == set(offered)


def test_what_is_made_is_read_as_it_is():
    made = [each for tries in candidates(NOON, secrets.choice) for each in tries]

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
