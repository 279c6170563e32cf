"""The life cycle of an incident: every pair of statuses, what closing and reopening leave behind."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from axion_bus.domain.incident import TRANSITIONS, CloseReason, IncidentStatus, close, move, reopen
from axion_bus.errors import InvalidTransition
from tests.builders import an_incident
from tests.fakes import NOON

LATER = NOON + timedelta(minutes=5)
PAIRS = list(product(IncidentStatus, IncidentStatus))
# Contract 6, word for word; not taken from the code.
ALLOWED = {
    "CREATED": {"INVESTIGATING", "MONITORING", "CLOSED"},
    "INVESTIGATING": {"MONITORING", "CLOSED"},
    "MONITORING": {"INVESTIGATING", "CLOSED"},
    "CLOSED": set(),
}


def closed(reason=CloseReason.RESOLVED, **given):
    return an_incident(status=IncidentStatus.CLOSED, closed_at=NOON, close_reason=reason, **given)


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if pair[1] in ALLOWED[pair[0]]])
def test_an_incident_takes_each_allowed_step(before, after):
    moved = move(an_incident(status=before), after, LATER)

    assert (after, LATER) == (moved.status, moved.updated_at)


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if pair[1] not in ALLOWED[pair[0]]])
def test_any_other_step_is_refused_and_the_allowed_ones_are_named(before, after):
    with pytest.raises(InvalidTransition) as refused:
        move(an_incident(status=before), after, LATER)

    assert tuple(sorted(ALLOWED[before])) == refused.value.allowed
    assert all(status in str(refused.value) for status in (before, after, *ALLOWED[before]))


def test_the_table_has_every_status():
    assert set(IncidentStatus) == set(TRANSITIONS)


def test_investigating_what_was_created_acknowledges_it():
    moved = move(an_incident(), IncidentStatus.INVESTIGATING, LATER)

    assert moved.acknowledged_at == LATER


@pytest.mark.parametrize("acknowledged_at", [None, NOON])
def test_coming_back_from_monitoring_is_no_acknowledgement(acknowledged_at):
    watched = an_incident(status=IncidentStatus.MONITORING, acknowledged_at=acknowledged_at)

    moved = move(watched, IncidentStatus.INVESTIGATING, LATER)

    assert acknowledged_at == moved.acknowledged_at


@pytest.mark.parametrize("status", ["INVESTIGATING", "CLOSED"])
def test_every_step_ends_the_quiet_time(status):
    watched = an_incident(status=IncidentStatus.MONITORING, auto_close_at=LATER)

    assert move(watched, IncidentStatus(status), NOON).auto_close_at is None


@pytest.mark.parametrize("reason", CloseReason)
def test_closing_tells_when_and_why(reason):
    done = close(an_incident(), reason, LATER)

    assert (IncidentStatus.CLOSED, LATER, reason) == (done.status, done.closed_at, done.close_reason)
    assert not done.is_open


def test_what_is_closed_is_not_closed_again():
    with pytest.raises(InvalidTransition, match="allowed: none"):
        close(closed(), CloseReason.AUTO, LATER)


@pytest.mark.parametrize("reason", [each for each in CloseReason if each is not CloseReason.MERGED])
def test_reopening_goes_on_with_the_same_incident(reason):
    again = reopen(closed(reason, version=7, sequence=9, assigned_to="ann"), LATER)

    assert (IncidentStatus.INVESTIGATING, None, None) == (again.status, again.closed_at, again.close_reason)
    assert ("incident-1", 7, 9, "ann", LATER) == (again.guid, again.version, again.sequence, again.assigned_to, again.updated_at)


@pytest.mark.parametrize("status", [status for status in IncidentStatus if status is not IncidentStatus.CLOSED])
def test_what_is_open_cannot_be_reopened(status):
    with pytest.raises(InvalidTransition) as refused:
        reopen(an_incident(status=status), LATER)

    assert tuple(sorted(ALLOWED[status])) == refused.value.allowed


def test_what_was_merged_into_another_cannot_be_reopened():
    with pytest.raises(InvalidTransition, match="merged into another"):
        reopen(closed(CloseReason.MERGED, merged_into="incident-2"), LATER)
