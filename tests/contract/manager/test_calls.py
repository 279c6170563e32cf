"""Commands that a bus answers by a reply: recorded with who asked, answered by no row of their own, once per idempotency key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from axion_bus.domain.communication import Channel
from axion_bus.ports import Received
from axion_bus.store import queries

SENDER = {"name": ":1.7", "uid": 1000, "pid": 4711}
TITLE = {"title": "Disk full", "severity": "HIGH", "package": "P", "by": "ada"}


@pytest.fixture
async def desk(make_desk):
    return await make_desk()


@pytest.fixture
def call(desk):
    """Calls a verb as D-Bus does; gives the answer and the rows that tell of it."""

    async def run(verb, arguments, channel=Channel.DBUS):
        message = desk.message("/org/axion/Bus1", arguments, channel=channel, request=verb, sender=SENDER)
        assert desk.requests.wants(message)
        guid, now = desk.outbox.new_guid(message.received_at), message.received_at
        answered = await desk.store.write(lambda transaction: desk.requests.answer(transaction, message, guid, now))
        stored = await desk.store.read(lambda connection: queries.communication_row(connection, answered.rows[0].short_ref))
        return answered, stored

    return run


async def test_a_call_is_answered_and_recorded_with_who_asked(desk, call):
    answered, row = await call("create-incident", TITLE)

    assert "ok" == answered.answer["status"]
    guid = answered.answer["data"]["incident_guid"]
    assert "CREATED" == (await desk.incident(guid))["Status"]
    assert ("INBOUND", "RECEIVED", "DBUS", "/org/axion/Bus1", guid) == (
        row["Direction"], row["Status"], row["Channel"], row["Recipient"], row["IncidentGuid"],
    )  # fmt: skip
    assert {"reason": "command", "verb": "create-incident", "by": "ada", "sender": SENDER} == row["Metadata"]


async def test_the_answer_to_a_call_is_no_row(call):
    answered, _ = await call("create-incident", TITLE)

    assert 1 == len(answered.rows)


async def test_a_call_that_is_refused_is_on_record_as_failed(call):
    answered, row = await call("get-incident", {"incident_guid": "b" * 36})

    assert ("error", "not_found") == (answered.answer["status"], answered.answer["error"]["code"])
    assert ("FAILED", "refused", SENDER) == (row["Status"], row["Metadata"]["reason"], row["Metadata"]["sender"])


@pytest.mark.parametrize("again", ["dbus", "mqtt"])
async def test_a_repeated_call_is_answered_as_then(desk, call, again):
    first, _ = await call("create-incident", {**TITLE, "idempotency_key": "k-1"})
    arguments = {**TITLE, "title": "Another", "idempotency_key": "k-1"}

    if again == "dbus":
        second = (await call("create-incident", arguments))[0].answer
    else:
        second = (await desk.ask("create-incident", arguments)).answer

    assert first.answer == second


async def test_a_call_repeats_what_was_asked_over_mqtt(desk, call):
    first = await desk.ask("create-incident", {**TITLE, "idempotency_key": "k-1"})

    second, row = await call("create-incident", {**TITLE, "idempotency_key": "k-1"})

    assert (first.answer, "repeated_command") == (second.answer, row["Metadata"]["reason"])


async def test_a_call_that_fails_by_our_own_fault_leaves_no_answer_in_the_outbox(desk):
    message = desk.message("/org/axion/Bus1", {}, channel=Channel.DBUS, request="create-incident")

    assert [] == desk.requests.apology(message, datetime.now(UTC))


def test_an_object_path_is_no_topic(desk):
    message = Received(Channel.DBUS, "axion/request/close-incident", b"{}", datetime.now(UTC), ack=lambda _: None)

    assert not desk.requests.wants(message)
