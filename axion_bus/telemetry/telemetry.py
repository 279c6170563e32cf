"""The parts of telemetry together, as far as ``[metrics]`` asks for them; the daemon runs it beside its other workers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from axion_bus.telemetry.exposition import Exposition
from axion_bus.telemetry.panel import Panel
from axion_bus.telemetry.server import Server
from axion_bus.telemetry.surveyor import Surveyor
from axion_bus.telemetry.textfile import Textfile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.config.metrics import Metrics
    from axion_bus.ports import Clock, Publisher, Queue, Survey
    from axion_bus.telemetry.figures import Figures


class Telemetry:
    """Shows ``figures`` and how queue, buses and database stand, where ``settings`` say. ``sources`` and ``channels`` by name."""

    def __init__(
        self,
        settings: Metrics,
        *,
        figures: Figures,
        queue: Queue,
        buses: Mapping[str, Publisher],
        survey: Survey,
        clock: Clock,
        sources: Sequence[str],
        channels: Sequence[str],
    ) -> None:
        self._figures = figures
        self._buses = buses
        named = (*buses, *channels)
        figures.expect(sources, named)
        self._surveyor = Surveyor(survey, clock)
        panel = Panel(figures=figures, queue=queue, buses=buses, channels=named, surveyor=self._surveyor, clock=clock)
        exposition = Exposition(panel.registry(), time.monotonic)
        self._shows: list[Server | Textfile] = []
        if settings.address is not None:
            self._shows.append(Server(*settings.address, exposition.text))
        if settings.textfile is not None:
            self._shows.append(Textfile(settings.textfile, exposition.text))

    async def run(self, stop: asyncio.Event) -> None:
        """Show it until ``stop``; with nowhere to show it, the database is not asked."""
        async with asyncio.TaskGroup() as group:
            if self._shows:
                group.create_task(self._surveyor.run(stop), name="metrics-survey")
            for each in self._shows:
                group.create_task(each.run(stop), name=f"metrics-{type(each).__name__.lower()}")
            await stop.wait()
        for name, bus in self._buses.items():
            self._figures.connections[name] += bus.connection  # the next serving counts its own from 0
