"""When a failed attempt is followed by another, within which bounds; when a channel is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.delivery import FAILURES_TO_OPEN, OPEN_FOR_S, Breaker, Manner, Patience
from tests.fakes import NOON

DAY = Patience(base_s=1, max_s=300, budget=timedelta(hours=24))


def longest(_least, most):
    return most


def next_after(attempt, *, patience=DAY, retry_after_s=None, waited_s=0.0, uniform=longest):
    now = NOON + timedelta(seconds=waited_s)
    again = patience.next_attempt_at(attempt=attempt, queued_at=NOON, now=now, retry_after_s=retry_after_s, uniform=uniform)
    return None if again is None else (again - now).total_seconds()


@pytest.mark.parametrize(("attempt", "most_s"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (5000, 300)])
def test_the_longest_wait_doubles_up_to_the_maximum(attempt, most_s):
    assert most_s == next_after(attempt)


def test_the_wait_may_be_anything_from_nothing_on():
    asked = []
    next_after(3, uniform=lambda least, most: asked.append((least, most)) or 0.0)

    assert [(0.0, 4.0)] == asked


def test_a_provider_is_not_asked_sooner_than_it_wishes():
    assert 77 == next_after(1, retry_after_s=77)


def test_a_provider_that_wishes_for_less_changes_nothing():
    assert 4 == next_after(3, retry_after_s=1)


def test_what_would_come_after_the_budget_is_given_up():
    budget_s = DAY.budget.total_seconds()

    assert next_after(10, waited_s=budget_s - 301) == 300
    assert next_after(10, waited_s=budget_s - 300) is None


@given(
    attempt=st.integers(1, 10**6),
    waited_s=st.floats(-1e6, 1e6),
    retry_after_s=st.none() | st.floats(0, 1e300),
    share=st.floats(0, 1),
)
def test_the_next_attempt_is_never_in_the_past_and_never_beyond_the_budget(attempt, waited_s, retry_after_s, share):
    def uniform(least, most):
        return least + share * (most - least)

    now = NOON + timedelta(seconds=waited_s)
    again = DAY.next_attempt_at(attempt=attempt, queued_at=NOON, now=now, retry_after_s=retry_after_s, uniform=uniform)

    assert again is None or now <= again <= NOON + DAY.budget


def test_a_lease_outlasts_an_attempt_by_a_minute():
    assert timedelta(seconds=70) == Manner(timeout_s=10).lease


def failing(times, *, at_s=0.0):
    breaker = Breaker()
    for _ in range(times):
        breaker.note(is_well=False, now_s=at_s)
    return breaker


def test_a_channel_is_used_until_it_has_failed_often_in_a_row():
    breaker = failing(FAILURES_TO_OPEN - 1)

    assert (True, False) == (breaker.is_well, breaker.is_open(0.0))


def test_a_channel_that_fails_again_and_again_is_left_alone_for_a_while():
    breaker = failing(FAILURES_TO_OPEN, at_s=100.0)

    assert (False, True, False) == (breaker.is_well, breaker.is_open(100.0 + OPEN_FOR_S - 0.1), breaker.is_open(100.0 + OPEN_FOR_S))


def test_a_trial_that_fails_leaves_it_alone_again():
    breaker = failing(FAILURES_TO_OPEN)
    breaker.note(is_well=False, now_s=OPEN_FOR_S)

    assert breaker.is_open(2 * OPEN_FOR_S - 0.1)


def test_a_trial_that_succeeds_ends_it():
    breaker = failing(FAILURES_TO_OPEN)
    breaker.note(is_well=True, now_s=1.0)

    assert (True, False) == (breaker.is_well, breaker.is_open(1.0))


def test_failures_that_are_not_in_a_row_do_not_count_together():
    breaker = failing(FAILURES_TO_OPEN - 1)
    breaker.note(is_well=True, now_s=0.0)
    breaker.note(is_well=False, now_s=0.0)

    assert breaker.is_well
