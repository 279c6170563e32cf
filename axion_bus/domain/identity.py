"""Names that are given out: guids (UUID version 7, RFC 9562) and references of bus traffic (REF-YYYYMMDD-XXXXXXX).

Both rise with time, so that a database appends to its indexes. Generators keep only their last value; time and randomness are
handed in, so the same input gives the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_CODES_A_DAY = 36**7
_US_A_DAY = 86_400_000_000
_TAILS = 256
_VARIANT = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}


class Guids:
    """Gives out UUIDs of version 7, strictly rising within one generator.

    Randomness is a system call, and asked for by the hundred.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._tails: list[str] = []
        self._last = 0

    def __call__(self, now: datetime) -> str:
        """A new guid; ``now`` is aware. 60 bits of time and counter, 62 random ones."""
        ticks = int(now.timestamp() * 1000) << 12
        self._last = ticks = max(ticks, self._last + 1)
        if not self._tails:
            self._tails = list(_tails(self._random_bytes(8 * _TAILS).hex()))
        time = f"{ticks >> 12:012x}"
        return f"{time[:8]}-{time[8:]}-7{ticks & 0xFFF:03x}-{self._tails.pop()}"


def _tails(digits: str) -> Iterator[str]:
    """The last two groups of a guid for each 16 of ``digits``, the variant in the first two bits."""
    for at in range(0, len(digits), 16):
        yield f"{_VARIANT[digits[at]]}{digits[at + 1 : at + 4]}-{digits[at + 4 : at + 16]}"


class BusReferences:
    """Gives out seven-character references: the time of day in ticks of 1.1 microseconds, never the same twice in a generator.

    Two daemons can meet on one by chance; the database's unique index tells, and the transaction is done again.
    """

    def __init__(self) -> None:
        self._date = 0
        self._day = ""
        self._last = -1

    def __call__(self, now: datetime) -> str:
        """A new reference of ``now``'s day, or of the day last given if the clock went back; ``now`` is aware UTC."""
        date, tick = now.toordinal(), self._last + 1
        if date > self._date:
            self._date, self._day, tick = date, f"{now:%Y%m%d}", 0
        if date == self._date:
            elapsed_us = ((now.hour * 60 + now.minute) * 60 + now.second) * 1_000_000 + now.microsecond
            tick = max(tick, elapsed_us * _CODES_A_DAY // _US_A_DAY)
        self._last = tick
        return f"REF-{self._day}-{_base36(tick % _CODES_A_DAY)}"


def _base36(number: int) -> str:
    number, fourth = divmod(number, 36**2)
    number, third = divmod(number, 36**2)
    first, second = divmod(number, 36**2)
    return f"{_DIGITS[first]}{_PAIRS[second]}{_PAIRS[third]}{_PAIRS[fourth]}"
