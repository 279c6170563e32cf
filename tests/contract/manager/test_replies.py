"""People's replies: linked to what they quote, obeyed from whom we know, answered, and never taken twice; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from axion_bus.manager.replies import Replies
from tests.chaos.ledger import query
from tests.contract.manager.bus import ON_SQLITE

ADA, STRANGER = "+1 555 0123", "+1 555 9999"
CHANNELS = {
    "email": {"host": "127.0.0.1", "port": 9, "from": "a@b.example", "to": ["Ops@b.example"], "allowed_senders": ["b-o@b.example"]},
    "sms": {
        "account_sid": "AC17", "auth_token": {"env": "HOME"}, "from": "+15550100", "to": ["+15550123"],
        "allowed_senders": ["whatsapp:+49 (30) 901-820"],
    },
}  # fmt: skip


@pytest.fixture
async def desk(make_desk):
    return await make_desk(channels=CHANNELS)


@pytest.fixture
def told(desk):
    """Opens an incident about which somebody was told; gives its guid and the reference of the message."""

    async def make():
        guid = await desk.an_incident()
        logged = await desk.ask("log-communication", {"incident_guid": guid, "channel": "SMS", "message": "m", "recipient": ADA})
        return guid, logged.data["short_ref"]

    return make


def said(message, sender=ADA, **more):
    return {"from": sender, "message": message, **more}


async def test_a_reply_is_recorded_with_the_incident_whose_reference_it_quotes(desk, told):
    guid, reference = await told()

    heard = await desk.hear("sms", said(f"Seen {reference.lower()},\non my way", STRANGER, external_id="SM1"))

    row = heard.row
    assert ("INBOUND", "RECEIVED", "SMS", guid) == (row["Direction"], row["Status"], row["Channel"], row["IncidentGuid"])
    assert (STRANGER, "SM1", "reply") == (row["Recipient"], row["ExternalId"], heard.reason)
    assert f"Seen {reference.lower()},\non my way" == row["Message"]
    assert None is heard.answer_row
    entries = query(desk.url, "SELECT * FROM data_incident_timeline WHERE IncidentGuid = %s ORDER BY TimelineId DESC", guid)
    assert (f"SMS reply from {STRANGER}: Seen {reference.lower()}, on my way", STRANGER) == (
        entries[0]["Description"], entries[0]["CreatedBy"],
    )  # fmt: skip


async def test_a_reply_about_nothing_is_kept_all_the_same(desk):
    heard = await desk.hear("sms", said("What is this?"))

    assert ("reply_without_reference", "RECEIVED", None) == (heard.reason, heard.row["Status"], heard.row["IncidentGuid"])
    assert None is heard.answer_row


@pytest.mark.parametrize(
    ("command", "effect"),
    [
        ("ack {code}", ("reply_ack", "INVESTIGATING", ["STATUS_CHANGE", "ASSIGNED"])),
        ("ACK {ref}", ("reply_ack", "INVESTIGATING", ["STATUS_CHANGE", "ASSIGNED"])),
        ("close {code}", ("reply_close", "CLOSED", ["CLOSED"])),
        ("close {ref} restarted", ("reply_close", "CLOSED", ["NOTE_ADDED", "CLOSED"])),
        ("note {ref}: looks bad", ("reply_note", "CREATED", ["NOTE_ADDED"])),
    ],
)
async def test_a_command_of_somebody_who_is_allowed_is_carried_out_and_answered(desk, told, command, effect):
    guid, reference = await told()
    reason, status, kinds = effect

    heard = await desk.hear("sms", said(command.format(ref=reference, code=reference.rpartition("-")[2])))

    answer = heard.answer_row
    assert (reason, "RECEIVED", guid) == (heard.reason, heard.row["Status"], heard.row["IncidentGuid"])
    assert status == (await desk.incident(guid))["Status"]
    assert ["COMMUNICATION_LOGGED", *kinds] == (await desk.kinds(guid))[2:]
    assert ("OUTBOUND", "PENDING", "SMS", ADA) == (answer["Direction"], answer["Status"], answer["Channel"], answer["Recipient"])
    assert f"Done: Disk full is {status}." == answer["Message"]
    assert len("REF-20251229-A7K") <= len(answer["ShortRef"]) < len("REF-20251229-A7KA7KA")


async def test_who_did_it_is_the_sender_by_name_and_channel(desk, told):
    guid, reference = await told()
    await desk.hear("sms", said(f"ack {reference}"))

    assert f"{ADA} (SMS)" == (await desk.incident(guid))["AssignedTo"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("channel", "sender"),
    [
        ("sms", "+15550123"),
        ("SMS", "+1-555-0123"),
        ("sms", "tel:+1 (555) 0123"),
        ("sms", "+4930901820"),
        ("email", "ops@b.example"),
        ("email", " OPS@B.EXAMPLE "),
        ("email", "b-o@b.example"),
    ],
)
async def test_a_sender_is_known_however_a_gateway_writes_it(desk, told, channel, sender):
    _, reference = await told()

    assert "reply_ack" == (await desk.hear(channel, said(f"ack {reference}", sender))).reason


@ON_SQLITE
@pytest.mark.parametrize(
    ("channel", "sender"),
    [
        ("sms", STRANGER),
        ("sms", "ops@b.example"),
        ("email", "+15550123"),
        ("email", "bo@b.example"),
        ("email", "ops@b.example.com"),
        ("discord", ADA),
        ("phone", ADA),
        ("sms", "()"),
    ],
)
async def test_a_stranger_is_recorded_not_obeyed_and_not_answered(desk, told, channel, sender):
    guid, reference = await told()

    heard = await desk.hear(channel, said(f"close {reference}", sender))

    assert ("sender_not_allowed", "FAILED", guid) == (heard.reason, heard.row["Status"], heard.row["IncidentGuid"])
    assert "CREATED" == (await desk.incident(guid))["Status"]
    assert None is heard.answer_row


async def test_a_command_that_comes_too_late_is_refused_with_the_state_of_things(desk, told):
    guid, reference = await told()
    await desk.ask("acknowledge", {"incident_guid": guid, "by": "bob"})

    heard = await desk.hear("sms", said(f"ack {reference}"))

    assert ("refused", "FAILED", guid) == (heard.reason, heard.row["Status"], heard.row["IncidentGuid"])
    assert f"Not done: incident {guid} is INVESTIGATING, assigned to bob" in heard.answer_row["Message"]
    assert "bob" == (await desk.incident(guid))["AssignedTo"]


async def test_a_note_without_words_is_refused(desk, told):
    _, reference = await told()

    heard = await desk.hear("sms", said(f"note {reference}"))

    assert "refused" == heard.reason
    assert "content: it is empty" in heard.answer_row["Message"]


@pytest.mark.parametrize("command", ["ack REF-20010101-ZZZ", "ack ZZZZZZZ", "close the valve, please"])
async def test_a_command_about_nothing_is_answered_so(desk, command):
    heard = await desk.hear("sms", said(command))

    assert ("unknown_reference", "FAILED") == (heard.reason, heard.row["Status"])
    assert "Nothing is known by that reference." == heard.answer_row["Message"]


@pytest.mark.parametrize(("days", "reason"), [(30, "reply_ack"), (31, "unknown_reference")])
async def test_a_bare_code_is_understood_for_a_month(desk, told, days, reason):
    _, reference = await told()
    code = f"{datetime.now(UTC):%H%M}{days}9"  # of this test only
    old = f"REF-{datetime.now(UTC) - timedelta(days=days):%Y%m%d}-{code}"
    query(desk.url, "UPDATE data_incident_communication SET ShortRef = %s WHERE ShortRef = %s", old, reference)

    assert reason == (await desk.hear("sms", said(f"ack {code}"))).reason


async def test_a_reply_of_a_merged_incident_goes_to_where_it_went(desk, told):
    source, reference = await told()
    target = await desk.an_incident()
    await desk.ask("merge-incidents", {"source_incident_guid": source, "target_incident_guid": target})

    heard = await desk.hear("sms", said(f"ack {reference}"))

    assert ("reply_ack", target) == (heard.reason, heard.row["IncidentGuid"])


async def test_a_reply_is_taken_once_however_often_its_gateway_sends_it(desk, told):
    guid, reference = await told()
    first = await desk.hear("sms", said(f"note {reference} once", external_id=f"once-{guid}"))
    again = await desk.hear("SMS", said(f"note {reference} once", external_id=f"once-{guid}"))
    of_another = await desk.hear("whatsapp", said("hello", external_id=f"once-{guid}"))

    assert ("reply_note", "repeated_reply") == (first.reason, again.reason)
    assert None is again.answer_row
    assert 1 == (await desk.kinds(guid)).count("NOTE_ADDED")
    assert "reply_without_reference" == of_another.reason


async def test_an_answer_on_a_channel_that_cannot_be_sent_on_is_on_record_as_failed(desk, told):
    _, reference = await told()
    desk.requests = Replies(
        outbox=desk.outbox, base_topic="axion", max_payload_bytes=1000, senders={"SMS": [ADA]}, reachable=()
    )  # fmt: skip

    heard = await desk.hear("sms", said(f"ack {reference}"))

    assert ("FAILED", "channel SMS is not configured: [channels.sms] is missing") == (
        heard.answer_row["Status"], heard.answer_row["ErrorMessage"],
    )  # fmt: skip


@ON_SQLITE
@pytest.mark.parametrize(
    ("channel", "body", "reason", "text"),
    [
        ("sms", b"hello", "bad_json", "line 1"),
        ("sms", b"", "empty", "empty"),
        ("sms", b"[1]", "wrong_type", "no object, but an array"),
        ("sms", b'{"from": "x"}', "missing_field", "at $.message"),
        ("sms", b'{"message": "x"}', "missing_field", "at $.from"),
        ("sms", b'{"from": 7, "message": "x"}', "wrong_type", "at $.from"),
        ("sms", b'{"from": "x", "message": " "}', "wrong_type", "at $.message"),
        ("sms", b'{"from": "x", "message": "y", "external_id": 7}', "wrong_type", "at $.external_id"),
        ("sms", b'{"from": "a\\nb", "message": "x"}', "bad_value", "at $.from"),
        ("sms", b'{"from": "a", "message": "x", "external_id": "\\u001b"}', "bad_value", "at $.external_id"),
        ("sms", b'{"from": "' + b"x" * 256 + b'", "message": "x"}', "too_long", "at $.from"),
        ("sms", b'{"from": "x", "message": "\\u0000"}', "nul", "at $.message"),
        ("sms", b'{"from": "x", "from": "y", "message": "x"}', "duplicate_key", "at $.from"),
        ("sms", b'{"from": "x", "message": "' + b"x" * 300_000 + b'"}', "too_large", "262144"),
        ("sms/x", b'{"from": "x", "message": "y"}', "bad_topic", "names no channel"),
        ("", b'{"from": "x", "message": "y"}', "bad_topic", "names no channel"),
        ("sm s", b'{"from": "x", "message": "y"}', "bad_topic", "names no channel"),
        ("x" * 51, b'{"from": "x", "message": "y"}', "bad_topic", "names no channel"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_kept_with_a_named_reason(desk, channel, body, reason, text):
    heard = await desk.hear(channel, body)

    assert (reason, "FAILED", "MQTT") == (heard.reason, heard.row["Status"], heard.row["Channel"])
    assert text in heard.row["ErrorMessage"]
    assert body[: 64 * 1024] == (heard.row["Raw"] or b"")
    assert None is heard.answer_row


async def test_a_retained_reply_is_not_taken(desk, told):
    guid, reference = await told()

    heard = await desk.hear("sms", said(f"ack {reference}"), retained=True)

    assert ("retained", "CREATED") == (heard.reason, (await desk.incident(guid))["Status"])


@pytest.mark.parametrize(
    "text", ["x'); DROP TABLE data_incident; --", "<script>", "{incident_title.__class__}", "%s \\ \" '", "🚒\x1b[2J"]
)
async def test_whatever_is_said_is_data(desk, told, text):
    _, reference = await told()

    heard = await desk.hear("sms", said(f"{reference} {text}", STRANGER))

    assert f"{reference} {text}" == heard.row["Message"]
