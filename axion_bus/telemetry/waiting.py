"""Waiting between two looks, for as long as nobody asks us to stop."""

from __future__ import annotations

import asyncio


async def stops_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for ``stop``, ``seconds`` at most; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
