"""Behind: one step after another, each under way while we go on and prepare the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType


class Behind:
    """At its end every step has ended, too: done, or cancelled because something failed.

    A step's error comes out of ``begin`` of the next one, or of the end.
    """

    def __init__(self) -> None:
        self._step: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            await self.done()
        elif self._step is not None:
            self._step.cancel()
            await asyncio.wait((self._step,))

    async def begin(self, step: Coroutine[Any, Any, None]) -> None:
        """Begin ``step`` once the one before has ended."""
        try:
            await self.done()
        except BaseException:
            step.close()
            raise
        self._step = asyncio.create_task(step)
        await asyncio.sleep(0)  # so that it is on its way before we go on

    async def done(self) -> None:
        """Wait until the last step has ended."""
        step, self._step = self._step, None
        if step is not None:
            await step
