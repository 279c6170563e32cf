"""Between two attempts a broker is left alone: for a second at first, for a minute at most, never for the same time as others."""

from __future__ import annotations

import pytest

from axion_bus.buses.patience import Patience


@pytest.mark.parametrize(("failures", "most"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)])
def test_the_pauses_are_doubled_up_to_a_minute_and_half_of_each_is_chance(failures, most):
    pauses = [Patience().retry_s(failures) for _ in range(500)]

    assert most / 2 <= min(pauses) <= most * 0.55
    assert most * 0.95 <= max(pauses) <= most
