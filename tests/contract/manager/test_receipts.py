"""What a provider tells later of a message that it took."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from axion_bus.manager.people import new_outbox
from axion_bus.manager.receipts import Receipts
from axion_bus.ports import Received
from axion_bus.store.sql import open_store

TOPIC = "axion/inbound/sms/status"


@pytest.fixture
async def tell(settings, manager):
    """Takes a status as the pipeline does; gives the rows that tell of it."""
    desk = Receipts(outbox=new_outbox(settings), base_topic="axion", max_payload_bytes=4096)
    async with open_store(str(settings.store.url), password=None, pool_size=2, timeout_s=30) as store:

        async def run(body, **given):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            now = datetime.now(UTC)
            received = Received("MQTT", TOPIC, raw, now, ack=lambda _: None, **given)
            assert desk.wants(received)
            guid = f"receipt-{now.timestamp()}"
            return (await store.write(lambda transaction: desk.answer(transaction, received, guid, now))).rows

        yield run


@pytest.fixture
async def sent(manager, an_incident):
    """A message that was sent: its incident and its reference."""
    incident = await an_incident()
    _, reference = await manager.log_communication(incident, "SMS", message="m", recipient="+15550123")
    return incident, reference


@pytest.mark.parametrize("status", ["undelivered", "FAILED"])
async def test_a_message_that_does_not_arrive_is_failed_after_all(manager, sent, tell, status):
    incident, reference = sent

    rows = await tell({"reference": reference.lower(), "status": status, "error": "30003 Unreachable"})

    message = await manager.get_communication_by_ref(reference)
    timeline = await manager.get_incident_timeline(incident)
    assert ("FAILED", f"the provider says {status}: 30003 Unreachable") == (message["Status"], message["ErrorMessage"])
    assert "NOTIFICATION_FAILED" == timeline[-1]["EventType"]
    assert ["SMS", "MQTT"] == [row.channel for row in rows]


async def test_it_fails_only_once(manager, sent, tell):
    incident, reference = sent
    for _ in range(2):
        await tell({"reference": reference, "status": "failed"})

    kinds = [entry["EventType"] for entry in await manager.get_incident_timeline(incident)]
    assert 1 == kinds.count("NOTIFICATION_FAILED")


async def test_a_message_that_arrives_stays_sent(manager, sent, tell):
    (row,) = await tell({"reference": sent[1], "status": "delivered"})

    assert ("RECEIVED", sent[0]) == (row.status, row.incident_guid)
    assert "SENT" == (await manager.get_communication_by_ref(sent[1]))["Status"]


@pytest.mark.parametrize(
    ("body", "given", "fault"),
    [
        (b"", {}, "empty"),
        (b"nonsense", {}, "bad_json"),
        ([], {}, "wrong_type"),
        ({"status": "failed"}, {}, "missing_field"),
        ({"reference": "REF-20250101-AAA", "status": 7}, {}, "wrong_type"),
        ({"reference": "REF-20250101-ZZZ", "status": "failed"}, {}, "bad_value"),
        ({"reference": "' OR 1=1", "status": "failed"}, {}, "bad_value"),
        ({"reference": "REF-20250101-AAA", "status": "failed"}, {"retained": True}, "retained"),
        (b" " * 5000, {}, "too_large"),
    ],
)
async def test_what_cannot_be_taken_is_recorded_with_its_reason(tell, body, given, fault):
    (row,) = await tell(body, **given)

    assert ("FAILED", fault) == (row.status, row.metadata["reason"])
