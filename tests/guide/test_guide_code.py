"""Every code block of the guide, one after another as a reader would run them, and its complete example; verbatim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from axion_bus import IncidentManager
from tests.chaos.ledger import query
from tests.guide.conftest import BLOCKS

ORDER = ("02_status", "03_notes", "04_link", "05_notify", "06_communications", "07_template", "08_metrics", "09_report", "10_close")
NOW = "2025-12-29 10:00:00.000000"


def run(name, namespace):
    exec(compile((BLOCKS / name).read_text(), name, "exec"), namespace)


def put(store_url, table, **values):
    query(store_url, f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", *values.values())


def an_incident(store_url, guid, title):
    put(
        store_url, "data_incident", IncidentGuid=guid, Title=title, Severity="HIGH", Status="CREATED", Package="P", Description="",
        CreatedAt=NOW, UpdatedAt=NOW, Version=1, Sequence=0,
    )  # fmt: skip


@pytest.fixture
def guide(config):
    """What the blocks share: their names. The first block makes the manager."""
    namespace = {}
    run("01_create.py", namespace)
    yield namespace
    namespace["incident_mgr"].close()


def test_creating_an_incident_gives_its_guid_and_links_its_alerts(guide):
    incident = guide["incident_mgr"].get_incident(guide["incident_guid"])
    alerts = guide["incident_mgr"].get_incident_alerts(guide["incident_guid"])

    assert (incident["Severity"], incident["Status"], incident["AssignedTo"]) == ("CRITICAL", "CREATED", "dba-team")
    assert [alert["AlertGuid"] for alert in alerts] == ["alert-guid-1", "alert-guid-2"]


def test_the_blocks_run_in_the_order_of_the_guide(guide, mailbox, capsys):
    for block in ORDER:
        run(f"{block}.py", guide)

    output = capsys.readouterr().out
    manager, guid = guide["incident_mgr"], guide["incident_guid"]
    assert "Alert: alert-guid-3 linked at " in output
    assert "Notifications sent: 0, failed: 3" in output
    assert ": SLACK - FAILED" in output
    assert f"Logged communication: REF-{datetime.now(UTC):%Y%m%d}-" in output
    assert {"sent": 1, "failed": 1, "pending": 0} == guide["stats"]
    assert "Total incidents: 0\nAverage resolution time: None hours\n" in output
    assert "INCIDENT REPORT" in output
    assert sorted(message["To"] for message in mailbox.messages) == ["manager@example.com", "ops@example.com", "ops@example.com"]
    assert ("CLOSED", "RESOLVED") == tuple(manager.get_incident(guid)[name] for name in ("Status", "CloseReason"))


def test_a_message_by_template_says_what_the_template_says(guide, mailbox):
    run("07_template.py", guide)

    body = mailbox.messages[0].get_payload(decode=True).decode().replace("\r\n", "\n")
    assert body.startswith("INCIDENT ALERT\n==============\nTitle: Database Connection Pool Exhausted\nSeverity: CRITICAL\n")
    assert body.rstrip().endswith(f"Reference: {guide['incident_guid']}")


def test_looking_up_a_reference_shows_the_message_and_its_incident(guide, store_url, capsys):
    put(
        store_url, "data_incident_communication", CommunicationGuid="c-1", IncidentGuid=guide["incident_guid"],
        ShortRef="REF-20251229-A7K", Channel="SLACK", Direction="OUTBOUND", Status="SENT", Message="m", Recipient="#ops",
        Timestamp=NOW, Metadata="{}",
    )  # fmt: skip

    run("06_communications.py", guide)

    assert "Message sent via SLACK to #ops\nIncident: Database Connection Pool Exhausted (CRITICAL)\n" in capsys.readouterr().out


def test_metrics_count_the_month_that_was_asked_for(guide, store_url, capsys):
    an_incident(store_url, "in-january", "t")
    query(
        store_url,
        "UPDATE data_incident SET Package = 'DATABASE', CreatedAt = '2025-01-31 23:00:00.000000',"
        " ClosedAt = '2025-02-01 01:30:00.000000', Status = 'CLOSED', CloseReason = 'RESOLVED' WHERE IncidentGuid = 'in-january'",
    )

    run("08_metrics.py", guide)

    assert capsys.readouterr().out.startswith("Total incidents: 1\nAverage resolution time: 2.5 hours\n")


def test_merging_moves_everything_and_closes_the_source_as_merged(guide, store_url):
    an_incident(store_url, "incident-A-guid", "A")
    an_incident(store_url, "incident-B-guid", "B")
    manager = guide["incident_mgr"]
    manager.link_alert_to_incident("incident-B-guid", "alert-b")
    manager.add_incident_note("incident-B-guid", "GENERAL", "from B")

    run("11_merge.py", guide)

    source = manager.get_incident("incident-B-guid")
    assert ("CLOSED", "MERGED", "incident-A-guid") == (source["Status"], source["CloseReason"], source["MergedInto"])
    assert [alert["AlertGuid"] for alert in manager.get_incident_alerts("incident-A-guid")] == ["alert-b"]
    assert [note["Content"] for note in manager.get_incident_notes("incident-A-guid")] == ["from B"]
    assert "NOTE_ADDED" in [entry["EventType"] for entry in manager.get_incident_timeline("incident-A-guid")]


def test_the_guides_statement_defines_a_notify_code(guide, store_url):
    query(store_url, (BLOCKS / "def_notify.sql").read_text().partition("\n")[2])

    stats = guide["incident_mgr"].notify_incident(guide["incident_guid"], "INCIDENT_CRITICAL")

    assert {"sent": 0, "failed": 3, "pending": 0} == stats


def test_the_complete_example_runs_to_its_end(config, mailbox):
    namespace = {}

    run("complete_example.py", namespace)

    with IncidentManager(config) as manager:
        incident = manager.get_incident(namespace["incident_guid"])
        kinds = [entry["EventType"] for entry in manager.get_incident_timeline(namespace["incident_guid"])]
    namespace["incident_mgr"].close()
    assert ("CLOSED", "RESOLVED") == (incident["Status"], incident["CloseReason"])
    assert timedelta(0) <= incident["ClosedAt"] - incident["CreatedAt"] < timedelta(minutes=5)
    assert namespace["report"].startswith("# API Response Time Degraded\n")
    assert [kind for kind in kinds if kind != "NOTE_ADDED"] == [
        "CREATED", "NOTIFICATION_FAILED", "NOTIFICATION_SENT", "STATUS_CHANGE", "STATUS_CHANGE", "CLOSED", "NOTIFICATION_FAILED",
        "NOTIFICATION_SENT", "NOTIFICATION_SENT", "NOTIFICATION_SENT", "NOTIFICATION_SENT",
    ]  # fmt: skip
    assert sorted(message["To"] for message in mailbox.messages) == [
        "ops@example.com", "ops@example.com", "ops@example.com", "product-owner@example.com", "team-lead@example.com",
    ]  # fmt: skip
