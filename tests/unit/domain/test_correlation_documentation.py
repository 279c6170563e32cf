"""The page on correlation names every reason, and none that the code does not give."""

from __future__ import annotations

import re
from pathlib import Path

from axion_bus.domain.communication import Reason

PAGE = Path(__file__).parents[3] / "docs" / "correlation.md"


def test_the_page_has_a_row_for_every_reason():
    assert {reason.value for reason in Reason} == set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
