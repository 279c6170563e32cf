"""All groups of checks, side by side, in the order in which a person repairs things."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axion_bus.doctor.broker import examine as examine_broker
from axion_bus.doctor.configuration import examine as examine_configuration
from axion_bus.doctor.database import examine as examine_database
from axion_bus.doctor.dbus import examine as examine_dbus
from axion_bus.doctor.machine import examine as examine_machine
from axion_bus.doctor.people import examine as examine_people

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from axion_bus.config import Origin, Settings
    from axion_bus.doctor.finding import Finding


async def examine(
    settings: Settings, origin: Origin, *, state: Path, daemon: Callable[[], Finding], probe_queue: bool = True
) -> Sequence[Finding]:
    """Look at everything. ``state`` is the state directory, ``daemon`` asks the running daemon, and may block."""
    groups: list[Coroutine[Any, Any, Sequence[Finding]]] = [
        examine_configuration(settings, origin),
        examine_machine(settings, origin, state),
        examine_database(settings.store),
        examine_broker(settings, probe_queue=probe_queue),
        examine_dbus(settings.dbus),
        examine_people(settings.channels),
        _daemon(daemon),
    ]
    found = await asyncio.gather(*groups)
    return [finding for group in found for finding in group]


async def _daemon(ask: Callable[[], Finding]) -> Sequence[Finding]:
    return [await asyncio.to_thread(ask)]
