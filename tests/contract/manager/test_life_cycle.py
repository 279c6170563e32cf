"""Every pair of statuses, versions, acknowledging, closing and reopening, as the life cycle has them."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from axion_bus.domain.incident import TRANSITIONS, IncidentStatus
from axion_bus.errors import Conflict, InvalidTransition, NotFound
from tests.chaos.ledger import count

WAYS = {"CREATED": (), "INVESTIGATING": ("INVESTIGATING",), "MONITORING": ("MONITORING",), "CLOSED": ("CLOSED",)}


@pytest.fixture
def store_url(shared_url):
    """The tests of this module share a database."""
    return shared_url


@pytest.mark.parametrize(("before", "after"), list(itertools.product(WAYS, WAYS)))
async def test_a_status_leads_where_the_table_says_and_nowhere_else(manager, an_incident, before, after):
    guid = await an_incident()
    for status in WAYS[before]:
        await manager.update_incident_status(guid, status)
    as_it_was = await manager.get_incident(guid)

    if IncidentStatus(after) in TRANSITIONS[IncidentStatus(before)]:
        changed = await manager.update_incident_status(guid, after, "me")
        assert (after, as_it_was["Version"] + 1) == (changed["Status"], changed["Version"])
    else:
        with pytest.raises(InvalidTransition) as refused:
            await manager.update_incident_status(guid, after, "me")
        assert sorted(TRANSITIONS[IncidentStatus(before)]) == sorted(refused.value.allowed)
        assert as_it_was == await manager.get_incident(guid)


async def test_acknowledging_takes_an_incident_on(manager, an_incident):
    guid = await an_incident()

    incident = await manager.acknowledge(guid, "ada")

    assert ("INVESTIGATING", "ada", 2) == (incident["Status"], incident["AssignedTo"], incident["Version"])
    assert incident["AcknowledgedAt"] == incident["UpdatedAt"]


async def test_acknowledging_leaves_an_incident_to_whom_it_is_assigned(manager, an_incident):
    guid = await an_incident(assigned_to="dba-team")

    incident = await manager.acknowledge(guid, "ada")

    assert "dba-team" == incident["AssignedTo"]


async def test_only_the_first_acknowledgement_counts(manager, an_incident):
    guid = await an_incident()
    await manager.acknowledge(guid, "ada")

    with pytest.raises(InvalidTransition, match="assigned to ada"):
        await manager.acknowledge(guid, "bob")


async def test_closing_keeps_what_was_found_out_and_why(manager, an_incident):
    guid = await an_incident()

    incident = await manager.close_incident(guid, "restarted", "a leak", "ada", close_reason="FALSE_ALARM")
    notes = await manager.get_incident_notes(guid)

    assert ("CLOSED", "FALSE_ALARM") == (incident["Status"], incident["CloseReason"])
    assert [("ROOT_CAUSE", "a leak"), ("RESOLUTION", "restarted")] == [(note["NoteType"], note["Content"]) for note in notes]


async def test_a_closed_incident_comes_back_only_by_reopening(manager, an_incident):
    guid = await an_incident()
    await manager.close_incident(guid)

    incident = await manager.reopen_incident(guid, "ada")

    assert ("INVESTIGATING", None, None) == (incident["Status"], incident["ClosedAt"], incident["CloseReason"])
    with pytest.raises(InvalidTransition):
        await manager.reopen_incident(guid)


async def test_a_stale_version_is_refused_and_changes_nothing(manager, an_incident):
    guid = await an_incident()
    await manager.assign(guid, "bob")

    with pytest.raises(Conflict, match="at version 2, not 1"):
        await manager.update_incident_status(guid, "CLOSED", expected_version=1)

    assert "CREATED" == (await manager.get_incident(guid))["Status"]


async def test_of_two_that_change_the_same_version_one_wins(managers, an_incident):
    guid = await an_incident()
    others = await managers(4)

    done = await asyncio.gather(
        *(each.assign(guid, f"person-{number}", expected_version=1) for number, each in enumerate(others)), return_exceptions=True
    )

    assert 3 == sum(isinstance(each, Conflict) for each in done)
    assert 2 == (await others[0].get_incident(guid))["Version"]


async def test_no_change_is_lost_when_many_change_one_incident(managers, an_incident, manager):
    guid = await an_incident()
    others = await managers(4)

    await asyncio.gather(*(each.add_incident_note(guid, "GENERAL", f"{number}") for number, each in enumerate(others * 5)))

    assert [str(number) for number in range(20)] == sorted((n["Content"] for n in await manager.get_incident_notes(guid)), key=int)
    assert 21 == (await manager.get_incident(guid))["Version"]


async def test_assigning_to_whom_it_belongs_already_changes_nothing(manager, an_incident):
    guid = await an_incident(assigned_to="ada")

    incident = await manager.assign(guid, "ada")

    assert 1 == incident["Version"]


@pytest.mark.parametrize(
    "call",
    [
        lambda manager: manager.get_incident("nobody"),
        lambda manager: manager.update_incident_status("nobody", "CLOSED"),
        lambda manager: manager.acknowledge("nobody"),
        lambda manager: manager.assign("nobody", "x"),
        lambda manager: manager.add_incident_note("nobody", "GENERAL", "x"),
        lambda manager: manager.close_incident("nobody"),
        lambda manager: manager.reopen_incident("nobody"),
        lambda manager: manager.link_alert_to_incident("nobody", "x"),
        lambda manager: manager.merge_incidents("nobody", "x"),
        lambda manager: manager.log_communication("nobody", "PHONE", message="x"),
        lambda manager: manager.notify_incident("nobody", "INCIDENT_CRITICAL"),
        lambda manager: manager.generate_incident_report("nobody"),
        lambda manager: manager.get_incident_alerts("nobody"),
        lambda manager: manager.get_incident_notes("nobody"),
        lambda manager: manager.get_incident_timeline("nobody"),
        lambda manager: manager.get_incident_communications("nobody"),
        lambda manager: manager.find_incident("nobody"),
        lambda manager: manager.explain("nobody"),
    ],
)
async def test_what_nobody_knows_is_not_found(manager, call, store_url):
    before = count(store_url, "data_incident_communication") + count(store_url, "data_incident_timeline")

    with pytest.raises(NotFound, match="nobody"):
        await call(manager)

    assert before == count(store_url, "data_incident_communication") + count(store_url, "data_incident_timeline")
