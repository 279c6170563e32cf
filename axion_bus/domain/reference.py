"""References of messages to people: REF-YYYYMMDD-XXX, random, widening from 3 to 7 characters as a day's codes are used up.

Which candidate is free the database knows; its unique index decides. Bus traffic has codes of its own, see ``identity``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LENGTHS = range(3, 8)
TRIES = 8
"""If of so many candidates of one length all are taken, the day's space is nearly full, and the code widens."""

_REFERENCE = re.compile(r"\s*(?ai:REF-([0-9]{8})-([A-Z0-9]{3,7}))\s*")  # ASCII: else the Kelvin sign would be a K, too


def candidates(now: datetime, choose: Callable[[str], str], *, length: int, number: int) -> list[str]:
    """Different references of ``now``'s day to try, ``number`` at most. ``choose`` picks a random character."""
    day = f"REF-{now:%Y%m%d}"
    return list(dict.fromkeys(f"{day}-{''.join(choose(ALPHABET) for _ in range(length))}" for _ in range(number)))


def canonical(text: str) -> str | None:
    """``text`` as references are stored, however its letters are written; None if it is no reference."""
    found = _REFERENCE.fullmatch(text)
    return None if found is None else f"REF-{found[1]}-{found[2].upper()}"
