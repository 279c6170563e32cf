"""A channel to people whose other side answers as a test says: it takes, refuses, takes its time, or never answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axion_bus.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.ports import Letter

NEVER = "never"


class FakeChannel:
    """``ports.Channel``. ``answers`` come one after another, the last one for ever: a Receipt, an error, or NEVER.

    ``letters`` has what it was given, ``sent_at_s`` when, ``most`` how many at a time; each takes ``takes_s``. ``before`` is called
    with each letter first.
    """

    recipients: Sequence[str] = ("ops",)

    def __init__(self, *answers: Receipt | Exception | str, takes_s: float = 0.0) -> None:
        self.answers = list(answers or [Receipt()])
        self.takes_s = takes_s
        self.letters: list[Letter] = []
        self.sent_at_s: list[float] = []
        self.most = 0
        self.is_closed = False
        self.before: Callable[[Letter], None] = lambda _letter: None
        self._under_way = 0

    async def send(self, letter: Letter) -> Receipt:
        """Answer as told."""
        self.before(letter)
        self.letters.append(letter)
        self.sent_at_s.append(asyncio.get_running_loop().time())
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            await (asyncio.Event().wait() if answer == NEVER else asyncio.sleep(self.takes_s))
        finally:
            self._under_way -= 1
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Receipt)
        return answer

    async def close(self) -> None:
        """Nothing is held open."""
        self.is_closed = True
