"""How long a bus waits for its broker, and how long it leaves it alone between two attempts (G8). Values only.

The defaults are what the daemon uses; a test may be in more of a hurry.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """All in seconds. The pauses between attempts begin anew when a connection has held for ``stable_after_s``."""

    connect_s: float = 15.0
    answer_s: float = 10.0
    farewell_s: float = 1.0
    ask_again_s: float = 60.0
    retry_first_s: float = 1.0
    retry_max_s: float = 60.0
    stable_after_s: float = 10.0

    def retry_s(self, failures: int) -> float:
        """The pause after so many ``failures`` in a row, at least one: doubled each time, capped, and half of it jitter."""
        ceiling = min(self.retry_max_s, self.retry_first_s * 2 ** min(failures - 1, 16))
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret
