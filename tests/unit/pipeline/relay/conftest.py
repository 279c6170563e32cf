"""A relay on an outbox that a test fills."""

from __future__ import annotations

import json

import pytest

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.pipeline.mirror import Mirror
from axion_bus.pipeline.relay import Relay, RelaySettings
from axion_bus.ports import UNMEASURED
from tests.builders import an_incident
from tests.fakes import NOON, LoopClock, Row


@pytest.fixture
def clock():
    return LoopClock()


@pytest.fixture
def make_relay(store, publisher, clock, progress, recorded):
    def make(meter=UNMEASURED, **settings):
        return Relay(
            store=store,
            publisher=publisher,
            mirror=Mirror(store=store, publisher=publisher, base_topic="axion"),
            clock=clock,
            settings=RelaySettings(**{"owner": "test", **settings}),
            progress=progress,
            wake=recorded,
            meter=meter,
        )

    return make


@pytest.fixture
def relaying(make_relay, running, stop, recorded):
    return lambda **settings: running(make_relay(**settings).run(stop), recorded.set)


@pytest.fixture
def queue(store):
    """Queues events as a transaction does: ``queue("a", 3)`` makes a/1, a/2 and a/3, each with its incident."""

    def queue(incident, events, message=None, channel=Channel.MQTT):
        if incident not in store.tables.incidents:
            store.tables.incidents[incident] = an_incident(guid=incident)
        shown = {"data": {"incident": {"incident_guid": incident, "version": 1}}}
        for sequence in range(1, events + 1):
            row = Communication(
                guid=f"{incident}/{sequence}",
                short_ref=f"REF-{incident}-{sequence}",
                channel=channel,
                direction=Direction.OUTBOUND,
                status=CommunicationStatus.PENDING,
                message=message or json.dumps({"id": f"{incident}/{sequence}", **shown}),
                recipient="axion/events/incident/created",
                timestamp=NOON,
                metadata={},
                incident_guid=incident,
                sequence=sequence,
                next_attempt_at=NOON,
            )
            store.tables.rows[row.guid] = Row(row)

    return queue
