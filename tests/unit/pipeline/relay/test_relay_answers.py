"""Answers to commands beside the events: sent as they are, given up when the broker refuses them, and in nobody's way."""

from __future__ import annotations

import base64
import json

import pytest

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.pipeline.relay import ANSWER_ATTEMPTS
from tests.builders import an_incident
from tests.fakes import NOON, Row, until
from tests.fakes.outbox import status


@pytest.fixture
def queue(store):
    """Queues a row about the incident ``incident``: an event, if it has a sequence, else an answer."""
    store.tables.incidents["incident"] = an_incident(guid="incident")

    def queue(guid, *, sequence=None, metadata=None):
        row = Communication(
            guid=guid,
            short_ref=guid,
            channel=Channel.MQTT,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING,
            message=json.dumps({"id": guid, "data": {} if sequence else None}),
            recipient=f"topic/{guid}",
            timestamp=NOON,
            metadata=metadata or {},
            incident_guid="incident",
            sequence=sequence,
            next_attempt_at=NOON,
        )
        store.tables.rows[guid] = Row(row)

    return queue


@pytest.fixture
def refuse(publisher):
    """Makes the broker refuse what goes to a topic."""

    def make(topic):
        publisher.refuses = lambda published: published.topic == topic

    return make


async def test_an_answer_goes_to_its_topic_with_its_correlation(relaying, queue, publisher, store):
    queue("answer", metadata={"request": "command", "correlation": base64.b64encode(b"\x0017").decode()})

    async with relaying():
        await until(lambda: status(store, "answer") == "SENT")

    (sent,) = [each for each in publisher.sent if each.topic == "topic/answer"]
    assert (False, False, b"\x0017") == (sent.retain, sent.is_event, sent.correlation)


async def test_an_answer_that_the_broker_refuses_is_given_up(relaying, queue, refuse, store):
    refuse("topic/answer")
    queue("answer", metadata={"request": "command"})

    async with relaying():
        await until(lambda: status(store, "answer") == "FAILED", within_s=3000)

    assert ANSWER_ATTEMPTS == len(store.tables.attempts)
    assert "Not authorized" == store.tables.rows["answer"].communication.error_message


async def test_a_refused_answer_holds_no_event_of_its_incident_up(relaying, queue, refuse, publisher, store):
    refuse("topic/answer")
    queue("answer", metadata={"request": "command"})
    queue("event", sequence=1)

    async with relaying():
        await until(lambda: status(store, "event") == "SENT", within_s=0.4)

    assert ["event"] == [each.data["id"] for each in publisher.events]
