"""Merging moves everything, is told on both, is refused where it makes no sense, and old names still lead somewhere."""

from __future__ import annotations

import pytest

from axion_bus.errors import InvalidTransition
from tests.chaos.ledger import query


async def test_alerts_notes_timeline_and_communications_go_to_the_target(manager, an_incident):
    source, target = await an_incident(title="S", alert_links=["a", "shared"]), await an_incident(title="T", alert_links=["shared"])
    await manager.add_incident_note(source, "GENERAL", "from S")
    _, reference = await manager.log_communication(source, "PHONE", message="called")

    merged = await manager.merge_incidents(source, target, "ada")

    assert target == merged["IncidentGuid"]
    assert ["a", "shared"] == sorted(alert["AlertGuid"] for alert in await manager.get_incident_alerts(target))
    assert ["from S"] == [note["Content"] for note in await manager.get_incident_notes(target)]
    assert "Incident created by SYSTEM: S" in [entry["Description"] for entry in await manager.get_incident_timeline(target)]
    assert target == (await manager.get_communication_by_ref(reference))["IncidentGuid"]
    assert [] == await manager.get_incident_alerts(source)


async def test_the_source_is_closed_as_merged_and_both_timelines_tell(manager, an_incident):
    source, target = await an_incident(), await an_incident()

    await manager.merge_incidents(source, target, "ada")

    gone = await manager.get_incident(source)
    assert ("CLOSED", "MERGED", target) == (gone["Status"], gone["CloseReason"], gone["MergedInto"])
    assert ["CLOSED"] == [entry["EventType"] for entry in await manager.get_incident_timeline(source)]
    assert "MERGED" in [entry["EventType"] for entry in await manager.get_incident_timeline(target)]


async def test_the_target_becomes_as_severe_as_the_source(manager, an_incident):
    source, target = await an_incident(severity="CRITICAL"), await an_incident(severity="LOW")

    assert "CRITICAL" == (await manager.merge_incidents(source, target))["Severity"]


async def test_a_chain_of_merges_leads_to_its_end(manager, an_incident):
    first, second, third = await an_incident(), await an_incident(), await an_incident()
    await manager.merge_incidents(first, second)

    await manager.merge_incidents(second, third)

    assert [third, third] == [(await manager.get_incident(guid))["MergedInto"] for guid in (first, second)]


async def test_merging_is_refused_into_itself_into_a_closed_one_and_out_of_a_closed_one(manager, an_incident):
    opened, closed = await an_incident(), await an_incident()
    await manager.close_incident(closed)

    for source, target in ((opened, opened), (opened, closed), (closed, opened)):
        with pytest.raises(InvalidTransition):
            await manager.merge_incidents(source, target)

    assert "CREATED" == (await manager.get_incident(opened))["Status"]


async def test_a_merged_incident_is_not_reopened(manager, an_incident):
    source, target = await an_incident(), await an_incident()
    await manager.merge_incidents(source, target)

    with pytest.raises(InvalidTransition, match="merged into another"):
        await manager.reopen_incident(source)


async def test_what_the_bus_was_told_of_the_source_stays_its_own(manager, an_incident, store_url):
    source, target = await an_incident(), await an_incident()

    await manager.merge_incidents(source, target)

    rows = query(store_url, "SELECT IncidentGuid, Sequence FROM data_incident_communication WHERE Sequence IS NOT NULL")
    assert [1, 2] == sorted(row["Sequence"] for row in rows if row["IncidentGuid"] == source)
    assert [1, 2] == sorted(row["Sequence"] for row in rows if row["IncidentGuid"] == target)
