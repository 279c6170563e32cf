"""Commands over the bus: every verb, every way to be refused, and the two rows that tell of each, on both databases."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from axion_bus.manager.requests import MAX_ANSWER_BYTES
from tests.chaos.ledger import count, query
from tests.contract.manager.bus import ON_SQLITE, correlation_of

TITLE = {"title": "Disk full", "severity": "HIGH", "package": "P"}
SHAPE = ["status", "data", "error", "transaction"]


async def test_a_command_and_its_answer_are_two_rows_that_name_each_other(desk):
    asked = await desk.ask("create-incident", {**TITLE, "by": "ada"})

    row, answer = asked.row, asked.answer_row
    guid = asked.data["incident_guid"]
    assert ("INBOUND", "RECEIVED", "MQTT", guid) == (row["Direction"], row["Status"], row["Channel"], row["IncidentGuid"])
    assert ("OUTBOUND", "PENDING", "MQTT", guid) == (
        answer["Direction"],
        answer["Status"],
        answer["Channel"],
        answer["IncidentGuid"],
    )
    assert ("command", "create-incident", "ada") == tuple(row["Metadata"][name] for name in ("reason", "verb", "by"))
    assert (answer["CommunicationGuid"], row["CommunicationGuid"]) == (row["Metadata"]["response"], answer["Metadata"]["request"])
    assert ("axion/request/create-incident", "axion/response/create-incident") == (row["Recipient"], answer["Recipient"])
    assert {**TITLE, "by": "ada"} == json.loads(row["Message"])
    assert None is row["Raw"]


async def test_an_answer_has_the_shape_of_the_contract(desk):
    done = await desk.ask("create-incident", {**TITLE, "transaction": {"any": ["thing", 7]}})
    refused = await desk.ask("create-incident", {"transaction": 7})

    assert SHAPE == list(done.answer) == list(refused.answer)
    assert ("ok", None, {"any": ["thing", 7]}) == tuple(done.answer[name] for name in ("status", "error", "transaction"))
    assert ("error", None, 7) == tuple(refused.answer[name] for name in ("status", "data", "transaction"))
    assert ["code", "message"] == list(refused.error)


async def test_an_incident_looks_the_same_in_every_answer_and_event(desk):
    created = (await desk.ask("create-incident", TITLE)).data
    guid = created["incident_guid"]
    listed = (await desk.ask("list-incidents", {"limit": 10_000})).data
    got = (await desk.ask("get-incident", {"incident_guid": guid})).data

    assert created == got
    assert [created] == [each for each in listed if each["incident_guid"] == guid]
    assert [
        "incident_guid", "version", "title", "severity", "status", "package", "description", "assigned_to", "created_at",
        "updated_at", "acknowledged_at", "closed_at", "close_reason", "merged_into", "rule",
    ] == list(created)  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", created["created_at"])


async def test_every_change_is_done_told_and_answered_with_the_incident_as_it_is_then(desk):
    guid = await desk.an_incident(description="97 %")
    other = await desk.an_incident()
    steps = [
        ("acknowledge", {"acknowledged_by": "ada"}, ("INVESTIGATING", "ada", 2)),
        ("assign", {"assigned_to": "bob"}, ("INVESTIGATING", "bob", 3)),
        ("add-note", {"note_type": "GENERAL", "content": "looking"}, ("INVESTIGATING", "bob", 4)),
        ("link-alert", {"alert_guid": "alert-1"}, ("INVESTIGATING", "bob", 5)),
        ("update-status", {"new_status": "MONITORING"}, ("MONITORING", "bob", 6)),
        ("close-incident", {"resolution_summary": "cleaned", "root_cause": "logs"}, ("CLOSED", "bob", 7)),
        ("reopen-incident", {}, ("INVESTIGATING", "bob", 8)),
    ]
    for verb, arguments, expected in steps:
        incident = (await desk.ask(verb, {"incident_guid": guid, **arguments})).data
        assert expected == (incident["status"], incident["assigned_to"], incident["version"]), verb

    merged = (await desk.ask("merge-incidents", {"source_incident_guid": other, "target_incident_guid": guid})).data
    assert (guid, 9) == (merged["incident_guid"], merged["version"])
    assert [
        "incident/created", "incident/status-changed", "incident/assigned", "incident/assigned", "incident/note-added",
        "incident/alert-linked", "incident/status-changed", "incident/note-added", "incident/note-added", "incident/closed",
        "incident/reopened", "incident/merged",
    ] == desk.events(guid)  # fmt: skip


async def test_a_logged_communication_and_its_look_up(desk):
    guid = await desk.an_incident()
    said = {"incident_guid": guid, "channel": "phone", "message": "Called.", "metadata": {"durationSeconds": 180}}
    logged = (await desk.ask("log-communication", said)).data
    found = (await desk.ask("lookup-ref", {"short_ref": logged["short_ref"].lower()})).data

    assert logged["communication_guid"] == found["communication_guid"]
    assert ("PHONE", "OUTBOUND", "SENT", "Called.") == tuple(found[name] for name in ("channel", "direction", "status", "message"))
    assert {"logged_by": "SYSTEM", "durationSeconds": 180} == found["metadata"]
    assert ("Disk full", "HIGH", []) == (found["incident_title"], found["incident_severity"], found["attempt_log"])


async def test_a_reference_that_nobody_has_is_nothing(desk):
    assert (await desk.ask("lookup-ref", {"short_ref": "REF-20010101-ZZZ"})).data is None


async def test_a_notification_is_queued_for_the_courier_and_what_cannot_be_sent_is_counted(make_desk):
    desk = await make_desk(channels={"email": {"host": "127.0.0.1", "port": 9, "from": "a@b.example", "to": ["x@b.example"]}})
    guid = await desk.an_incident()

    told = (await desk.ask("notify", {"incident_guid": guid, "notify_code": "INCIDENT_CUSTOM", "by": "ada"})).data

    assert {"sent": 0, "failed": 1, "pending": 1} == told
    assert 1 == count(
        desk.url, "data_incident_communication", "IncidentGuid = %s AND Channel = 'EMAIL' AND Status = 'PENDING'", guid
    )
    assert "NOTIFICATION_FAILED" in await desk.kinds(guid)


@pytest.mark.parametrize(("name", "value"), [("by", "ada"), ("acknowledged_by", "ada")])
async def test_by_stands_for_the_argument_that_says_who_acts(desk, name, value):
    guid = await desk.an_incident()

    asked = await desk.ask("acknowledge", {"incident_guid": guid, name: value})

    assert ("ada", "ada") == (asked.data["assigned_to"], asked.row["Metadata"]["by"])


async def test_the_verbs_own_word_for_who_acts_comes_before_by(desk):
    guid = await desk.an_incident()

    asked = await desk.ask("acknowledge", {"incident_guid": guid, "by": "gateway", "acknowledged_by": "ada"})

    assert ("ada", "ada") == (asked.data["assigned_to"], asked.row["Metadata"]["by"])


@pytest.mark.parametrize(
    ("verb", "arguments", "code", "text"),
    [
        ("acknowledge", {"incident_guid": "nobody"}, "not_found", "there is no incident nobody"),
        ("get-incident", {"incident_guid": "nobody"}, "not_found", "there is no incident nobody"),
        ("merge-incidents", {"source_incident_guid": "GUID", "target_incident_guid": "nobody"}, "not_found", "nobody"),
        ("merge-incidents", {"source_incident_guid": "GUID", "target_incident_guid": "GUID"}, "invalid_transition", "into itself"),
        ("update-status", {"incident_guid": "GUID", "new_status": "CREATED"}, "invalid_transition", "cannot become CREATED"),
        ("reopen-incident", {"incident_guid": "GUID"}, "invalid_transition", "cannot be reopened"),
        ("assign", {"incident_guid": "GUID", "assigned_to": "x", "expected_version": 7}, "conflict", "at version 1, not 7"),
        ("update-status", {"incident_guid": "GUID", "new_status": "OPEN"}, "invalid", "CREATED, INVESTIGATING, MONITORING, CLOSED"),
        ("update-status", {"incident_guid": "GUID"}, "invalid", "new_status: it has to be given"),
        ("assign", {"incident_guid": "GUID", "assigned_to": "x", "assigned": 1}, "invalid", "there is no such argument"),
        ("add-note", {"incident_guid": "GUID", "note_type": "GENERAL", "content": "a\u001bb"}, "invalid", "control character"),
        ("notify", {"incident_guid": "GUID", "notify_code": "C", "message_template": "{x}"}, "invalid", "not a placeholder"),
        ("lookup-ref", {"short_ref": "A7K"}, "invalid", "short_ref"),
        ("list-incidents", {"limit": 0}, "invalid", "limit"),
        ("destroy", {"incident_guid": "GUID"}, "invalid", "there is no verb 'destroy'; known: create-incident, "),
        ("", {}, "invalid", "there is no verb ''"),
        ("a/b", {}, "invalid", "there is no verb 'a/b'"),
    ],
)  # fmt: skip
async def test_a_refused_command_says_why_and_changes_nothing(desk, verb, arguments, code, text):
    guid = await desk.an_incident()
    before = await desk.incident(guid), await desk.kinds(guid), desk.events(guid)

    asked = await desk.ask(verb, {name: guid if value == "GUID" else value for name, value in arguments.items()})

    assert code == asked.error["code"]
    assert text in asked.error["message"]
    assert ("FAILED", f"{code}: {asked.error['message']}") == (asked.row["Status"], asked.row["ErrorMessage"])
    assert before == (await desk.incident(guid), await desk.kinds(guid), desk.events(guid))


async def test_an_invalid_transition_names_what_is_allowed_and_is_kept_with_its_incident(desk):
    guid = await desk.an_incident()
    asked = await desk.ask("update-status", {"incident_guid": guid, "new_status": "CREATED"})

    assert ["CLOSED", "INVESTIGATING", "MONITORING"] == asked.error["allowed"]
    assert (guid, guid) == (asked.row["IncidentGuid"], asked.answer_row["IncidentGuid"])


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


async def test_the_page_of_a_mailed_report_is_not_in_an_answer(desk, shared_url):
    guid = await desk.an_incident()
    logged = (await desk.ask("log-communication", {"incident_guid": guid, "channel": "EMAIL", "message": "m"})).data
    page = json.dumps({"html": "<p>", "reason": "notification"})
    query(shared_url, "UPDATE data_incident_communication SET Metadata = %s WHERE ShortRef = %s", page, logged["short_ref"])

    assert {"reason": "notification"} == (await desk.ask("lookup-ref", {"short_ref": logged["short_ref"]})).data["metadata"]


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
    assert is_wanted is desk.requests.wants(topic)
