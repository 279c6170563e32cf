"""What is not allowed is refused with the field's name and what is allowed, and nothing is written."""

from __future__ import annotations

from datetime import datetime

import pytest

from axion_bus.errors import ValidationFailed
from tests.chaos.ledger import count

GOOD = {"title": "t", "severity": "HIGH", "package": "P"}
SQL = "x'); DROP TABLE data_incident; --"
HTML = "<script>alert('x')</script>"


@pytest.fixture
def store_url(shared_url):
    """The tests of this module share a database."""
    return shared_url


def nested(depth):
    """A table that is ``depth`` tables deep."""
    return {"x": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("title", "", "a line of 1 to 512 characters"),
        ("title", "   ", "a line of 1 to 512 characters"),
        ("title", "x" * 513, "it has 513 characters"),
        ("title", "a\x00b", "control character"),
        ("title", "a\nb", "control character"),
        ("title", "\ud800", "not valid Unicode"),
        ("title", 7, "it is not a text"),
        ("severity", "LOUD", "CRITICAL"),
        ("severity", None, "CRITICAL"),
        ("package", "x" * 101, "1 to 100"),
        ("description", "x\x1b[2J", "control character"),
        ("description", "x" * 65_537, "at most 65536"),
        ("assigned_to", "", "a line of 1 to 255 characters"),
        ("alert_links", "not-a-list", "a list of alert guids"),
        ("alert_links", ["a b"], "printable ASCII"),
        ("alert_links", [""], "1 to 255"),
        ("created_by", "x" * 256, "1 to 255"),
    ],
)
async def test_a_field_that_is_not_allowed_is_named(manager, store_url, field, value, allowed):
    before = count(store_url, "data_incident")

    with pytest.raises(ValidationFailed) as refused:
        await manager.create_incident(**{**GOOD, field: value})

    (name, fault), *_ = refused.value.faults
    assert name.split(".")[0] == field
    assert allowed in fault
    assert before == count(store_url, "data_incident")


async def test_every_fault_is_named_at_once(manager):
    with pytest.raises(ValidationFailed) as refused:
        await manager.create_incident(title="", severity="", package="")

    assert ["title", "severity", "package"] == [name for name, _ in refused.value.faults]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda m, guid: m.update_incident_status(guid, "OPEN"), "new_status"),
        (lambda m, guid: m.update_incident_status(guid, "CLOSED", expected_version=0), "expected_version"),
        (lambda m, guid: m.update_incident_status(guid, "CLOSED", expected_version="1"), "expected_version"),
        (lambda m, guid: m.add_incident_note(guid, "OPINION", "x"), "note_type"),
        (lambda m, guid: m.add_incident_note(guid, "GENERAL", " \n"), "content"),
        (lambda m, guid: m.close_incident(guid, close_reason="MERGED"), "close_reason"),
        (lambda m, guid: m.log_communication(guid, "a/b", message="x"), "channel"),
        (lambda m, guid: m.log_communication(guid, "PHONE", "SIDEWAYS", "x"), "direction"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message=""), "message"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", status="PENDING"), "status"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata=[1]), "metadata"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata={"x": "y" * 70_000}), "metadata"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata={"x": float("nan")}), "metadata"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata={"x": "a\x00b"}), "metadata"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata=nested(31)), "metadata"),
        (lambda m, guid: m.log_communication(guid, "PHONE", message="x", metadata={"\ud800": 1}), "metadata"),
        (lambda m, guid: m.notify_incident(guid, "C", "a\x00b"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", " "), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{incident_title.__class__}"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{incident_title!r}"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{incident_title:>999999999}"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{0}"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{unknown}"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, "C", "{"), "message_template"),
        (lambda m, guid: m.notify_incident(guid, ""), "notify_code"),
        (lambda m, guid: m.generate_incident_report(guid, "pdf"), "format"),
        (lambda m, guid: m.email_incident_report(guid, additional_recipients=["a@b\nBcc: c@d"]), "additional_recipients.0"),
        (lambda m, guid: m.link_alert_to_incident(guid, "ü"), "alert_guid"),
        (lambda m, guid: m.get_incident_communications(guid, limit=0), "limit"),
        (lambda m, guid: m.list_incidents(status="OPEN"), "status"),
        (lambda m, guid: m.get_communication_by_ref("A7K"), "short_ref"),
        (lambda m, guid: m.get_incident_metrics(start_date="yesterday"), "start_date"),
        (lambda m, guid: m.get_incident_metrics(start_date=datetime(2025, 1, 1, 12)), "start_date"),  # noqa: DTZ001 - naive on purpose
        (lambda m, guid: m.get_incident_metrics(start_date="2025-02-01", end_date="2025-01-01"), "arguments"),
    ],
)
async def test_a_call_that_is_not_allowed_names_the_field_and_writes_nothing(manager, an_incident, store_url, call, field):
    guid = await an_incident()
    before = await manager.get_incident(guid), count(store_url, "data_incident_communication")

    with pytest.raises(ValidationFailed) as refused:
        await call(manager, guid)

    assert field in [name for name, _ in refused.value.faults]
    assert before == (await manager.get_incident(guid), count(store_url, "data_incident_communication"))


async def test_metadata_is_kept_as_it_is_however_deep(manager, an_incident):
    guid = await an_incident()

    await manager.log_communication(guid, "PHONE", message="x", metadata=nested(30))

    (logged,) = await manager.get_incident_communications(guid, channel="PHONE")
    assert {"logged_by": "SYSTEM", **nested(30)} == logged["Metadata"]


@pytest.mark.parametrize("text", [SQL, HTML, "{incident_title.__class__}", "%s %n ${x}", "🚒 ünïcödé", "a\\b'c\"d`e"])
async def test_a_text_is_data_wherever_it_stands(manager, text):
    guid = await manager.create_incident(text, "LOW", text, text, text, created_by=text)
    await manager.add_incident_note(guid, "GENERAL", text, text)
    await manager.log_communication(guid, "PHONE", message=text, recipient=text, metadata={text: text})

    incident = await manager.get_incident(guid)
    (note,) = await manager.get_incident_notes(guid)
    (logged,) = await manager.get_incident_communications(guid, channel="PHONE")
    assert [text] * 4 == [incident[name] for name in ("Title", "Package", "Description", "AssignedTo")]
    assert (text, text) == (note["Content"], note["CreatedBy"])
    assert (text, text, text) == (logged["Message"], logged["Recipient"], logged["Metadata"][text])
    assert [guid] == [row["IncidentGuid"] for row in await manager.list_incidents(package=text, assigned_to=text)]
