"""The pipeline's parts on stand-ins of the outside world, in virtual time: a second of retries costs no second."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from axion_bus.domain.identity import BusReferences, Guids
from axion_bus.domain.rules import default_rule
from axion_bus.formats import FormatName, decoder
from axion_bus.pipeline.decode import Source, Sources
from axion_bus.pipeline.intake import Intake
from axion_bus.pipeline.outbox import Outbox
from axion_bus.pipeline.progress import Progress
from axion_bus.pipeline.record import Recorder
from tests.fakes import FakeBus, FakeClock, FakePublisher, MemoryStore, VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine


def pytest_asyncio_loop_factories(config, item):
    """Every test of this folder runs in virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def recorded() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def progress() -> Progress:
    return Progress("worker", lambda: 0.0)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(instance="test", base_topic="axion", new_guid=Guids(bytes), new_reference=BusReferences())


@pytest.fixture
def intake(bus, progress) -> Intake:
    intake = Intake(batch_size=500, batch_wait_s=0.005, high_water=2000, progress=progress)
    intake.feed_from([bus])
    return intake


@pytest.fixture
def sources() -> Sources:
    source = Source(topic_filter="axion/alerts/#", decode=decoder(FormatName.NATIVE, None))
    return Sources([source], base_topic="axion", instance="test", max_payload_bytes=262_144)


@pytest.fixture
def parts(store, outbox, clock, progress) -> dict[str, Any]:
    """What every worker is made of."""
    return {"store": store, "outbox": outbox, "clock": clock, "progress": progress}


@pytest.fixture
def make_recorder(parts, intake, sources, recorded) -> Callable[..., Recorder]:
    """Makes recorders; what is given takes the place of what a test does not care about."""

    def make(**given: Any) -> Recorder:
        others = {"intake": intake, "sources": sources, "rules": (default_rule(),), "recorded": recorded}
        return Recorder(**{**parts, **others, **given})

    return make


@pytest.fixture
def recorder(make_recorder) -> Recorder:
    return make_recorder()


@pytest.fixture
def deliver(intake, bus) -> Callable[..., None]:
    """Delivers a message as the bus does."""
    return lambda body: intake.deliver(bus.message(body))


@pytest.fixture
def recording(recorder, intake, running, stop) -> Callable[[], object]:
    """Runs the recorder beside the test's own steps."""
    return lambda: running(recorder.run(stop), intake.close)


@pytest.fixture
def running(stop) -> Callable[..., object]:
    """Runs a worker beside the test's own steps; at the end it is told to stop, and has to."""

    @asynccontextmanager
    async def run(worker: Coroutine[None, None, None], *wakes: Callable[[], None]) -> AsyncIterator[asyncio.Task[None]]:
        async with asyncio.timeout(3600), asyncio.TaskGroup() as group:
            task = group.create_task(worker)
            yield task
            stop.set()
            for wake in wakes:
                wake()

    return run
