"""A private bus, and links to it that are closed with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.dbus.parties import Parties
from tests.servers import DbusDaemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def dbus(tmp_path: Path) -> Iterator[DbusDaemon]:
    """A bus of the test's own, on which everybody may do everything."""
    with DbusDaemon(tmp_path) as server:
        yield server


@pytest.fixture
async def parties(dbus: DbusDaemon) -> AsyncIterator[Parties]:
    """Whoever is to take part on ``dbus``."""
    async with Parties(dbus.address) as everybody:
        yield everybody
