"""The pipeline's parts on stand-ins of the outside world, in virtual time: a second of retries costs no second."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from axion_bus.domain.communication import Channel, Communication
from axion_bus.domain.delivery import Manner, Patience
from axion_bus.domain.identity import BusReferences, Guids
from axion_bus.domain.rules import default_rule
from axion_bus.formats import FormatName, decoder
from axion_bus.pipeline.courier import Courier
from axion_bus.pipeline.decode import Source, Sources
from axion_bus.pipeline.delivery import Deliveries, Dispatch, Fate
from axion_bus.pipeline.gaps import Gaps
from axion_bus.pipeline.intake import Intake
from axion_bus.pipeline.outbox import Outbox
from axion_bus.pipeline.progress import Progress
from axion_bus.pipeline.record import Recorder
from tests.builders import an_incident
from tests.fakes import FakeBus, FakeChannel, FakeClock, FakePublisher, MemoryStore, Row, VirtualTimeLoop, time_passes
from tests.unit.pipeline.gaps import KNOWN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping

    from axion_bus.ports import Received

FAST = Manner(rate=1000, concurrency=10)


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
def recording_by(make_recorder, running, intake, stop) -> Callable[..., object]:
    """Runs a recorder that is made of what is given beside the test's own steps."""
    return lambda **given: running(make_recorder(**given).run(stop), intake.close)


@pytest.fixture
def recording(recorder, intake, running, stop) -> Callable[[], object]:
    """Runs the recorder beside the test's own steps."""
    return lambda: running(recorder.run(stop), intake.close)


@pytest.fixture
def accept(intake, recorder, stop) -> Callable[..., Awaitable[None]]:
    """Delivers messages and has them recorded as one batch."""

    async def accept(*messages: Received) -> None:
        for message in messages:
            intake.deliver(message)
        await recorder.record(await intake.next_batch(stop), stop)

    return accept


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


@pytest.fixture
def put(store) -> Callable[..., None]:
    """Puts messages to people into the outbox, with their incidents."""

    def put(*pages: Communication) -> None:
        for page in pages:
            guid = page.incident_guid
            if guid is not None:
                store.tables.incidents.setdefault(guid, an_incident(guid=guid))
            store.tables.rows[page.guid] = Row(page)

    return put


@pytest.fixture
def row(store) -> Callable[..., Communication]:
    """A row of the audit stream as it is now."""
    return lambda guid="page-1": store.tables.rows[guid].communication


@pytest.fixture
def claim(store, clock) -> Callable[..., Any]:
    """Claims what is due."""

    async def claim(name: str = Channel.SLACK, owner: str = "me") -> Any:
        now = clock.now()
        return await store.claim_heads(name, owner=owner, now=now, lease_until=now + Manner().lease, limit=100)

    return claim


@pytest.fixture
def make_deliveries(store, outbox, clock) -> Callable[..., Deliveries]:
    def make(**given: Any) -> Deliveries:
        return Deliveries(**{"store": store, "outbox": outbox, "clock": clock, "owner": "me", "patience": Patience(), **given})

    return make


@pytest.fixture
def send(make_deliveries, claim) -> Callable[..., Any]:
    """Claims what is due and sends it as one message."""

    async def send(channel: FakeChannel, *, name: str = Channel.SLACK, manner: Manner | None = None, **given: Any) -> Fate:
        dispatch = Dispatch(name=name, manner=manner or Manner(), rows=await claim(name))
        return await make_deliveries(**given).deliver(channel, dispatch)

    return send


@pytest.fixture
def make_courier(store, clock, progress, make_deliveries) -> Callable[..., Courier]:
    """Makes couriers of these channels, each used as FAST unless ``manner`` says otherwise."""

    def make(channels: Mapping[str, FakeChannel], *, manner: Manner = FAST, **given: Any) -> Courier:
        return Courier(
            store=store,
            channels=channels,
            manners=dict.fromkeys(channels, manner),
            deliveries=make_deliveries(**given),
            clock=clock,
            progress=progress,
        )

    return make


@pytest.fixture
def carrying(make_courier, running, stop) -> Callable[..., object]:
    """Runs a courier beside the test's own steps."""
    return lambda channels, **given: running(make_courier(channels, **given).run(stop))


@pytest.fixture
def make_gaps(parts):
    return lambda slot=KNOWN: Gaps(slot=slot, **parts)


@pytest.fixture
def telling(make_gaps, running, stop):
    """Runs a Gaps that is told what ``tell`` tells it, and writes it."""

    async def telling(tell, slot=KNOWN, gaps=None):
        gaps = gaps or make_gaps(slot)
        async with running(gaps.run(stop), gaps.wake):
            tell(gaps)
            await time_passes(1)

    return telling
