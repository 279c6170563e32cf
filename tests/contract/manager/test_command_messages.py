"""Commands as messages: what cannot be read, what comes again or too late, and where answers go."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from axion_bus.manager.requests import MAX_ANSWER_BYTES
from tests.contract.manager.bus import ON_SQLITE, correlation_of

TITLE = {"title": "Disk full", "severity": "HIGH", "package": "P"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        (b"{not json", "bad_json", "line 1"),
        (b'[{"title": "t"}]', "wrong_type", "found an array"),
        (b'"create"', "wrong_type", "found a text"),
        (b'{"title": "a\\u0000b"}', "nul", "at $.title"),
        (b'{"title": "a\x00b"}', "nul", "NUL"),
        (b'{"title": "\xff"}', "bad_encoding", "not UTF-8"),
        (b'{"title": "a", "title": "b"}', "duplicate_key", "at $.title"),
        (b'{"title": NaN}', "bad_number", "$.title"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep", "32"),
        (b'{"by": 7}', "wrong_type", "at $.by"),
        (b'{"by": ""}', "wrong_type", "at $.by"),
        (b'{"idempotency_key": {}}', "wrong_type", "at $.idempotency_key"),
        (b'{"idempotency_key": "' + b"x" * 256 + b'"}', "too_long", "255"),
        (b'{"title": "' + b"x" * 300_000 + b'"}', "too_large", "262144"),
    ],
)
async def test_what_cannot_be_read_is_kept_with_a_named_reason_and_answered(desk, body, reason, text):
    asked = await desk.ask("create-incident", body)

    assert (reason, "invalid", "FAILED") == (asked.reason, asked.error["code"], asked.row["Status"])
    assert text in asked.error["message"]
    assert asked.row["Raw"] == body[: 64 * 1024]
    assert (len(body) if len(body) > 64 * 1024 else None) == asked.row["Metadata"].get("length")


async def test_no_arguments_at_all_are_no_arguments(desk):
    assert isinstance((await desk.ask("list-incidents", b"")).data, list)


async def test_a_retained_command_is_refused_whatever_it_says(desk):
    body = {**TITLE, "idempotency_key": "retained-1", "transaction": 1}
    first = await desk.ask("create-incident", body, retained=True)
    await desk.ask("create-incident", body)
    again = await desk.ask("create-incident", body, retained=True)

    for asked in (first, again):
        assert ("retained", "refused", 1) == (asked.reason, asked.error["code"], asked.answer["transaction"])


async def test_an_expired_command_is_refused(desk):
    late = await desk.ask("create-incident", TITLE, attributes={"expires_s": 5}, later=timedelta(seconds=6))
    in_time = await desk.ask("create-incident", TITLE, attributes={"expires_s": 5}, later=timedelta(seconds=5))

    assert ("expired", "refused") == (late.reason, late.error["code"])
    assert "HIGH" == in_time.data["severity"]


async def test_a_topic_that_is_no_text_is_refused(desk):
    asked = await desk.ask("create-incident", TITLE, bad_address=True)

    assert ("bad_topic", "invalid") == (asked.reason, asked.error["code"])


async def test_a_command_is_carried_out_once_however_often_it_comes_with_its_key(desk, make_desk):
    body = {**TITLE, "idempotency_key": "once-1", "transaction": 1}
    first = await desk.ask("create-incident", body)
    again = await (await make_desk()).ask("create-incident", {**body, "transaction": 2}, later=timedelta(hours=1))

    assert first.data == again.data
    assert (1, 2) == (first.answer["transaction"], again.answer["transaction"])
    assert ("command", "repeated_command") == (first.reason, again.reason)
    assert ("once-1", "once-1") == (first.row["ExternalId"], again.row["ExternalId"])
    assert ["incident/created"] == desk.events(first.data["incident_guid"])


async def test_a_repeated_command_is_answered_as_the_first_time_even_if_it_has_expired_since(desk):
    body = {**TITLE, "idempotency_key": "once-2"}
    first = await desk.ask("create-incident", body)
    again = await desk.ask("create-incident", body, attributes={"expires_s": 1}, later=timedelta(minutes=1))

    assert first.data == again.data


async def test_a_command_that_was_refused_may_be_tried_again_under_its_key(desk):
    guid = await desk.an_incident()
    body = {"incident_guid": guid, "idempotency_key": "twice-1"}
    refused = await desk.ask("reopen-incident", body)
    await desk.ask("close-incident", {"incident_guid": guid})
    done = await desk.ask("reopen-incident", body)

    assert "invalid_transition" == refused.error["code"]
    assert "INVESTIGATING" == done.data["status"]


async def test_a_key_is_of_its_verb(desk):
    guid = (await desk.ask("create-incident", {**TITLE, "idempotency_key": "k-1"})).data["incident_guid"]

    assert (
        "ada" == (await desk.ask("acknowledge", {"incident_guid": guid, "by": "ada", "idempotency_key": "k-1"})).data["assigned_to"]
    )


@ON_SQLITE
@pytest.mark.parametrize(
    ("wished", "where"),
    [
        ("axion/answers/me", "axion/answers/me"),
        ("axion/response/list-incidents/me", "axion/response/list-incidents/me"),
        ("clients/7/in", "clients/7/in"),
        ("clients", None),
        ("clients-of-others/7", None),
        ("elsewhere/in", None),
        ("axion", None),
        ("axion/events/incident/created", None),
        ("axion/events", None),
        ("axion/incidents/x/state", None),
        ("axion/summary", None),
        ("axion/instances/test/state", None),
        ("axion/request/create-incident", None),
        ("axion/inbound/sms", None),
        ("axion/alerts/web/api", None),
        ("sensors/7/alarm", None),
        ("axion/answers/#", None),
        ("axion/+/x", None),
        ("axion/a\x00b", None),
        ("$SYS/axion/x", None),
        ("axion/" + "x" * 65_536, None),
        ("", None),
    ],
)  # fmt: skip
async def test_an_answer_goes_where_it_was_wished_for_only_where_it_may(make_desk, wished, where):
    sources = [{"topic": "axion/alerts/#"}, {"topic": "$share/group/sensors/+/alarm"}]
    desk = await make_desk(mqtt={"response_prefixes": ["clients/", "sensors"], "sources": sources})

    asked = await desk.ask("list-incidents", {"limit": 1}, attributes={"response_topic": wished, "correlation": b"\x00\xff17"})

    assert (where or "axion/response/list-incidents") == asked.answer_row["Recipient"]
    assert b"\x00\xff17" == correlation_of(asked.answer_row)


async def test_the_answer_to_an_unknown_verb_goes_to_no_topic_of_the_askers_making(desk):
    asked = await desk.ask("x/../../events/incident/created")

    assert "axion/response/unknown" == asked.answer_row["Recipient"]


async def test_an_answer_has_an_end(desk):
    for _ in range(5):
        await desk.an_incident(package="LARGE", description="x" * 65_536)
    for _ in range(12):
        await desk.an_incident(package="LARGE", description="é\\" * 32_000)

    asked = await desk.ask("list-incidents", {"package": "LARGE"})

    assert "refused" == asked.error["code"]
    assert f"{MAX_ANSWER_BYTES} are sent at most" in asked.error["message"]
    assert 2 == len((await desk.ask("list-incidents", {"package": "LARGE", "limit": 2})).data)


@ON_SQLITE
@pytest.mark.parametrize(
    ("topic", "is_wanted"),
    [
        ("axion/request/list-incidents", True),
        ("axion/request/a/b", True),
        ("axion/request", True),
        ("axion/requests/list-incidents", False),
        ("axion/inbound", True),
        ("axion/inbound/sms", True),
        ("axion/inbounds/sms", False),
        ("axion/alerts/request/x", False),
        ("other/request/list-incidents", False),
    ],
)
async def test_what_is_subscribed_to_for_requests_is_a_request_and_nothing_else(desk, topic, is_wanted):
    assert is_wanted is desk.requests.wants(desk.message(topic, {}))


async def test_a_command_that_fails_by_our_own_fault_is_answered_so_to_whoever_waits(desk):
    received = desk.message("axion/request/create-incident", {**TITLE, "transaction": 7}, response_topic="axion/answers/me")

    (row,) = desk.requests.apology(received, received.received_at)

    assert ("PENDING", "axion/answers/me") == (row.status, row.recipient)
    assert ("unavailable", 7) == (json.loads(row.message)["error"]["code"], json.loads(row.message)["transaction"])


async def test_a_gateway_gets_no_apology(desk):
    received = desk.message("axion/inbound/sms", {})

    assert [] == list(desk.requests.apology(received, received.received_at))
