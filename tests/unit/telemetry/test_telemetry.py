"""The parts together: what runs is what the configuration asks for."""

from __future__ import annotations

import asyncio

import pytest

from axion_bus.config.metrics import Metrics
from axion_bus.telemetry import Telemetry
from tests.fakes import LoopClock, time_passes


@pytest.fixture
def make_telemetry(figures, queue, publisher, survey):
    """A telemetry of the test's stand-ins."""

    def make():
        parts = {"figures": figures, "queue": queue, "buses": {"MQTT": publisher}, "survey": survey, "clock": LoopClock()}
        return Telemetry(Metrics(), **parts, sources=["axion/alerts/#"], channels=["SLACK"])

    return make


async def run(telemetry):
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(telemetry.run(stop))
        await time_passes(60)
        stop.set()


async def test_with_nowhere_to_show_anything_the_database_is_not_asked(make_telemetry, survey):
    await run(make_telemetry())

    assert survey.asked == 0


async def test_what_may_happen_is_expected_of_buses_and_channels_alike(make_telemetry, figures):
    make_telemetry()

    assert {"MQTT", "SLACK"} == {channel for channel, _ in figures.sends}
    assert {"axion/alerts/#"} == {source for source, _ in figures.alerts}


async def test_connections_add_up_over_reloads(make_telemetry, figures, publisher):
    for _ in range(3):
        publisher.connection = 2
        await run(make_telemetry())

    assert figures.connections["MQTT"] == 6
