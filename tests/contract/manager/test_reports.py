"""What a report is made of, on each kind of database: the incident's own history, what was said with people, what was merged in."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from axion_bus.errors import NotFound
from tests.chaos.ledger import query

BAR = re.compile(r'<rect x="([\d.]+)" y="34" width="([\d.]+)"[^>]*><title>(\w+)</title>')


def bars(html):
    return [status for _, _, status in BAR.findall(html)]


async def test_a_report_shows_the_incidents_own_statuses_and_not_those_of_what_was_merged_into_it(manager, an_incident):
    source, target = await an_incident(title="Source"), await an_incident(title="Target")
    await manager.update_incident_status(source, "INVESTIGATING")
    await manager.update_incident_status(source, "MONITORING")
    await manager.merge_incidents(source, target)
    await manager.close_incident(target)
    await manager.reopen_incident(target)

    report = await manager.generate_incident_report(target, "html")

    assert ["CREATED", "CLOSED", "INVESTIGATING"] == bars(report)
    assert "Incident created by SYSTEM: Source" in report


async def test_a_report_tells_what_was_said_with_people_in_order_and_counts_the_rest(manager, an_incident):
    guid = await an_incident(alert_links=["alert-1"])
    _, first = await manager.log_communication(guid, "PHONE", message="Called.")
    _, second = await manager.log_communication(guid, "SMS", "INBOUND", "On my way.", status="RECEIVED")
    await manager.notify_incident(guid, "INCIDENT_CUSTOM")

    report = await manager.generate_incident_report(guid)

    told = report[report.index("COMMUNICATIONS (4)") :]
    assert told.index(f"{first} ") < told.index(f"{second} ") < told.index("SLACK OUTBOUND FAILED")
    assert "error: channel SLACK is not configured" in told
    bus = [row for row in await manager.get_incident_communications(guid) if row["Channel"] == "MQTT"]
    assert f"and {len(bus)} messages on the bus" in told


async def test_a_report_of_an_incident_that_was_put_into_the_database_by_other_means_has_a_picture(manager, an_incident, store_url):
    guid = await an_incident()
    query(store_url, "DELETE FROM data_incident_communication")

    assert ["CREATED"] == bars(await manager.generate_incident_report(guid, "html"))


async def test_the_duration_ends_with_the_closing(manager, an_incident):
    guid = await an_incident()
    closed = await manager.close_incident(guid)

    assert closed["ClosedAt"] - closed["CreatedAt"] < timedelta(seconds=59)
    assert re.search(r"Duration: +\d+ s\n", await manager.generate_incident_report(guid))


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
async def test_there_is_no_report_of_nothing(manager, form):
    with pytest.raises(NotFound):
        await manager.generate_incident_report("nobody", form)
