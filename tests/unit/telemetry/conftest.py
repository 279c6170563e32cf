"""The parts of telemetry on stand-ins of what they watch, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest

from axion_bus.errors import StoreUnavailable
from axion_bus.ports import Standing
from axion_bus.telemetry.figures import Figures
from axion_bus.telemetry.panel import Panel
from axion_bus.telemetry.surveyor import Surveyor
from tests.fakes import FakeClock, FakePublisher, VirtualTimeLoop
from tests.scraped import Scraped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def pytest_asyncio_loop_factories(config, item):
    """Every test of this folder runs in virtual time."""
    return {"virtual": VirtualTimeLoop}


@dataclass
class Held:
    """``ports.Queue``."""

    held: int = 0
    held_bytes: int = 0
    is_paused: bool = False
    oldest_at: datetime | None = None


class Answers:
    """``ports.Survey``: answers with ``standing_now`` until ``is_away``.

    ``asked`` counts. An answer takes ``takes_s``; ``before`` is called first.
    """

    def __init__(self) -> None:
        self.standing_now = Standing(backlogs={}, open_incidents={})
        self.is_away = False
        self.asked = 0
        self.takes_s = 0.0
        self.before: Callable[[], None] = lambda: None

    async def standing(self) -> Standing:
        self.asked += 1
        self.before()
        await asyncio.sleep(self.takes_s)
        if self.is_away:
            raise StoreUnavailable("the database is away")
        return self.standing_now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
def queue() -> Held:
    return Held()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def survey() -> Answers:
    return Answers()


@pytest.fixture
def surveyor(survey, clock) -> Surveyor:
    return Surveyor(survey, clock)


@pytest.fixture
def scrape(figures, queue, publisher, surveyor, clock) -> Callable[..., Scraped]:
    """What a scrape says now."""

    def scrape(**given: Any) -> Scraped:
        parts = {"figures": figures, "queue": queue, "buses": {"MQTT": publisher}, "channels": ("MQTT", "SLACK")}
        return Scraped(generate_latest(Panel(**{**parts, "surveyor": surveyor, "clock": clock, **given}).registry()))

    return scrape
