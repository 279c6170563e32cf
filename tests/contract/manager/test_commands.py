"""Commands over the bus: every verb, every way to be refused, and the two rows that tell of each, on both databases."""

from __future__ import annotations

import json
import re

import pytest

from tests.chaos.ledger import count, query

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


async def test_the_page_of_a_mailed_report_is_not_in_an_answer(desk, shared_url):
    guid = await desk.an_incident()
    logged = (await desk.ask("log-communication", {"incident_guid": guid, "channel": "EMAIL", "message": "m"})).data
    page = json.dumps({"html": "<p>", "reason": "notification"})
    query(shared_url, "UPDATE data_incident_communication SET Metadata = %s WHERE ShortRef = %s", page, logged["short_ref"])

    assert {"reason": "notification"} == (await desk.ask("lookup-ref", {"short_ref": logged["short_ref"]})).data["metadata"]


async def test_a_report_is_an_answer_and_a_mailed_one_is_queued(make_desk):
    desk = await make_desk(channels={"email": {"host": "127.0.0.1", "port": 9, "from": "a@b.example", "to": ["x@b.example"]}})
    guid = await desk.an_incident()
    written = (await desk.ask("report", {"incident_guid": guid, "format": "markdown"})).data
    told = (await desk.ask("email-report", {"incident_guid": guid, "additional_recipients": ["y@b.example"]})).data

    assert ("markdown", "# Disk full") == (written["format"], written["report"].splitlines()[0])
    assert {"sent": 0, "failed": 0, "pending": 2} == told


async def test_a_report_cannot_be_mailed_without_a_mail_server_in_the_configuration(desk):
    asked = await desk.ask("email-report", {"incident_guid": await desk.an_incident()})

    assert "refused" == asked.error["code"]
    assert "[channels.email]" in asked.error["message"]
