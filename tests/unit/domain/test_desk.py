"""What people do to incidents: each act is one version, told in full, and refused where the life cycle does not lead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain import desk
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import TRANSITIONS, CloseReason, IncidentStatus
from axion_bus.domain.note import Note, NoteType
from axion_bus.errors import InvalidTransition
from tests.builders import an_incident
from tests.fakes import NOON

LATER = NOON + timedelta(minutes=5)
WORSE = an_incident(guid="s", severity=Severity.CRITICAL)
CLOSED = {"status": "CLOSED", "closed_at": NOON, "close_reason": CloseReason.RESOLVED}


def a_note(kind=NoteType.GENERAL):
    return Note(incident_guid="incident-1", type=kind, content="text", by="ada", at=LATER)


ACTS = {
    "opened": lambda incident: desk.opened(incident, by="ada", now=LATER),
    "moved": lambda incident: desk.moved(incident, IncidentStatus.MONITORING, by="ada", now=LATER),
    "moved to closed": lambda incident: desk.moved(incident, IncidentStatus.CLOSED, by="ada", now=LATER),
    "acknowledged": lambda incident: desk.acknowledged(incident, by="ada", now=LATER),
    "assigned": lambda incident: desk.assigned(incident, "bob", by="ada", now=LATER),
    "assigned to nobody": lambda incident: desk.assigned(incident, None, by="ada", now=LATER),
    "noted": lambda incident: desk.noted(incident, (a_note(), a_note()), by="ada", now=LATER),
    "closed": lambda incident: desk.closed(incident, CloseReason.DUPLICATE, by="ada", now=LATER, notes=(a_note(),)),
    "reopened": lambda incident: desk.reopened(incident, by="ada", now=LATER),
    "linked": lambda incident: desk.linked(incident, "alert-1", None, by="ada", now=LATER),
    "merged": lambda incident: desk.merged(WORSE, incident, by="ada", now=LATER, fires=True)[1],
    "merged away": lambda incident: desk.merged(incident, an_incident(guid="t"), by="ada", now=LATER, fires=False)[0],
}


@given(
    act=st.sampled_from(sorted(ACTS)),
    status=st.sampled_from(IncidentStatus),
    version=st.integers(1, 1000),
    sequence=st.integers(0, 1000),
    assigned_to=st.sampled_from([None, "bob"]),
)
def test_an_act_is_one_version_and_as_many_events_as_timeline_rows_or_it_is_refused(act, status, version, sequence, assigned_to):
    given_ = CLOSED if status is IncidentStatus.CLOSED else {"status": status}
    before = an_incident(version=version, sequence=sequence, assigned_to=assigned_to, **given_)
    try:
        told = ACTS[act](before)
    except InvalidTransition:
        return

    numbers = [event.sequence for event in told.events]
    assert (version + 1, LATER) == (told.incident.version, told.incident.updated_at)
    assert list(range(sequence + 1, sequence + 1 + len(numbers))) == numbers
    assert len(numbers) == len(told.timeline) > 0
    assert numbers[-1] == told.incident.sequence
    assert {"ada"} == {each.by for each in (*told.events, *told.timeline)}
    assert told.incident.status is status or told.incident.status in TRANSITIONS[status] or act == "reopened"


@pytest.mark.parametrize(
    ("act", "kinds", "texts"),
    [
        ("opened", ["incident/created"], ["Incident created by ada: API slow"]),
        ("moved", ["incident/status-changed"], ["Status changed from CREATED to MONITORING by ada"]),
        ("moved to closed", ["incident/closed"], ["Incident closed by ada: RESOLVED"]),
        (
            "acknowledged",
            ["incident/status-changed", "incident/assigned"],
            ["Status changed from CREATED to INVESTIGATING by ada", "Assigned to ada by ada"],
        ),
        ("assigned", ["incident/assigned"], ["Assigned to bob by ada"]),
        ("assigned to nobody", ["incident/assigned"], ["Assigned to nobody by ada"]),
        ("noted", ["incident/note-added"] * 2, ["GENERAL note added"] * 2),
        ("closed", ["incident/note-added", "incident/closed"], ["GENERAL note added", "Incident closed by ada: DUPLICATE"]),
        ("linked", ["incident/alert-linked"], ["Alert alert-1 linked by ada"]),
        (
            "merged",
            ["incident/merged", "incident/severity-changed"],
            ["Incident s merged into this one by ada: API slow", "Severity changed from HIGH to CRITICAL"],
        ),
        ("merged away", ["incident/closed"], ["Incident merged into t by ada: API slow"]),
    ],
)
def test_each_act_tells_what_was_done_and_by_whom(act, kinds, texts):
    told = ACTS[act](an_incident())

    assert kinds == [event.kind for event in told.events]
    assert texts == [entry.description for entry in told.timeline]


def test_reopening_is_told_with_the_statuses_that_it_leads_between():
    told = desk.reopened(an_incident(**CLOSED), by="ada", now=LATER)

    (event,) = told.events
    assert ("incident/reopened", "CLOSED", "INVESTIGATING") == (event.kind, event.old, event.new)


def test_acknowledging_does_not_take_an_incident_away_from_anybody():
    told = desk.acknowledged(an_incident(assigned_to="dba-team"), by="ada", now=LATER)

    assert ("INVESTIGATING", "dba-team", LATER) == (told.incident.status, told.incident.assigned_to, told.incident.acknowledged_at)
    assert ["incident/status-changed"] == [event.kind for event in told.events]


@pytest.mark.parametrize("status", ["INVESTIGATING", "MONITORING", "CLOSED"])
def test_only_what_is_created_can_be_acknowledged_and_who_has_it_is_said(status):
    with pytest.raises(InvalidTransition, match=f"is {status}, assigned to bob") as refused:
        desk.acknowledged(an_incident(status=status, assigned_to="bob"), by="ada", now=LATER)

    assert tuple(sorted(TRANSITIONS[IncidentStatus(status)])) == refused.value.allowed


def test_a_closed_incident_takes_notes_and_a_name_but_no_alert():
    closed = an_incident(**CLOSED)

    assert ACTS["noted"](closed).incident.status is ACTS["assigned"](closed).incident.status is IncidentStatus.CLOSED
    with pytest.raises(InvalidTransition, match="takes no alert"):
        ACTS["linked"](closed)


def test_a_merge_closes_the_source_with_where_it_went():
    gone, grown = desk.merged(an_incident(guid="s"), an_incident(guid="t"), by="ada", now=LATER, fires=False)

    assert ("CLOSED", "MERGED", "t", LATER) == (
        gone.incident.status, gone.incident.close_reason, gone.incident.merged_into, gone.incident.closed_at,
    )  # fmt: skip
    assert ("CREATED", "HIGH") == (grown.incident.status, grown.incident.severity.name)


@pytest.mark.parametrize(("fires", "status"), [(True, "INVESTIGATING"), (False, "MONITORING")])
def test_a_watched_target_is_investigated_again_if_the_source_fires(fires, status):
    _, grown = desk.merged(an_incident(guid="s"), an_incident(guid="t", status="MONITORING"), by="ada", now=LATER, fires=fires)

    assert status == grown.incident.status


def test_a_target_never_becomes_less_severe():
    source, target = an_incident(guid="s", severity=Severity.LOW), an_incident(guid="t", severity=Severity.CRITICAL)

    assert Severity.CRITICAL is desk.merged(source, target, by="ada", now=LATER, fires=False)[1].incident.severity


@pytest.mark.parametrize(
    ("source", "target"),
    [({"guid": "s"}, {"guid": "s"}), ({"guid": "s"}, {"guid": "t", **CLOSED}), ({"guid": "s", **CLOSED}, {"guid": "t"})],
)
def test_merging_into_itself_into_a_closed_one_or_out_of_a_closed_one_is_refused(source, target):
    with pytest.raises(InvalidTransition):
        desk.merged(an_incident(**source), an_incident(**target), by="ada", now=LATER, fires=False)
