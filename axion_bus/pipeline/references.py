"""References for messages to people: random, free, and never the same twice in one transaction, which the database cannot see yet.

Who draws two of a day's 46,656 short codes by chance loses a unique index; who draws a thousand in a storm would lose it each time.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

from axion_bus.domain.reference import LENGTHS, TRIES, candidates
from axion_bus.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from axion_bus.ports import Transaction

_REMEMBERED = 20_000
"""More than one transaction gives out."""
_MAX_TRIES = 4000
"""Candidates in one query; SQLite takes 32,766 values."""


class References:
    """Gives them out for one process; the unique index has the last word."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, None] = OrderedDict()

    async def take(self, transaction: Transaction, now: datetime, number: int) -> list[str]:
        """``number`` references of ``now``'s day, the short ones first. Raises StoreUnavailable: all are taken."""
        found: list[str] = []
        lengths = iter(LENGTHS)
        length = next(lengths)
        while len(found) < number:
            wanted = number - len(found)
            tries = candidates(now, secrets.choice, length=length, number=min(2 * wanted + TRIES - 2, _MAX_TRIES))
            free = await transaction.free_references(tries) - self._given.keys()
            found += self._remembered([each for each in tries if each in free][:wanted])
            if len(free) * TRIES < len(tries):  # the day's space of this length is nearly full
                longer = next(lengths, None)
                if longer is None and not free:
                    raise StoreUnavailable(f"every reference of {now:%Y-%m-%d} is taken")
                length = longer or length
        return found

    def _remembered(self, taken: list[str]) -> Iterable[str]:
        self._given.update(dict.fromkeys(taken))
        while len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return taken


async def free_reference(transaction: Transaction, now: datetime) -> str:
    """One reference, where a transaction needs no more."""
    return (await References().take(transaction, now, 1))[0]
