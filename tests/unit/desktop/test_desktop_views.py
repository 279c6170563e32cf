"""Reading what the daemon tells on D-Bus: incidents, as signals and as objects, and messages to desktops."""

from __future__ import annotations

import pytest

from axion_bus.desktop import views
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.desktop import a_letter, a_view, guid

FIELDS = {
    "incident_guid": guid(1),
    "version": 1,
    "title": "Incident 1",
    "severity": "HIGH",
    "status": "CREATED",
    "package": "DATABASE",
    "created_at": "2026-01-31T12:00:00.000001Z",
}


def test_a_signal_carries_an_incident():
    assert a_view(1) == views.incident(FIELDS)


def test_an_object_has_an_incident_as_its_properties():
    properties = {"IncidentGuid": guid(1), "Version": 1, "Title": "Incident 1", "Severity": "HIGH", "Status": "CREATED"}

    more = {"Package": "DATABASE", "AssignedTo": "", "CreatedAt": "2026-01-31T12:00:00.000001Z"}
    assert a_view(1) == views.incident_object({**properties, **more})


@pytest.mark.parametrize("bad", ["", "x", guid(1).upper().replace("0", "G"), f"{guid(1)}/../..", 7, None])
def test_without_a_guid_it_is_none(bad):
    assert views.incident({**FIELDS, "incident_guid": bad}) is None


def test_what_is_unknown_or_missing_is_ordinary():
    seen = views.incident({"incident_guid": guid(1), "severity": "ODD", "status": 7, "version": "x"})

    assert seen is not None
    assert (Severity.MEDIUM, IncidentStatus.INVESTIGATING, "", 0) == (seen.severity, seen.status, seen.title, seen.version)


def test_texts_are_bounded():
    seen = views.incident({**FIELDS, "title": "t" * 10_000, "description": "d" * 10_000})

    assert seen is not None
    assert (300, 1000) == (len(seen.title), len(seen.description))


LETTER = {
    "channel": "DBUS",
    "direction": "OUTBOUND",
    "recipient": "desktop",
    "occasion": "reminder",
    "subject": "Still open",
    "text": "please look",
    "severity": "HIGH",
    "incident_guid": guid(1),
}


def test_a_message_to_desktops_is_read():
    assert a_letter() == views.letter("REF-20260101-AAA", LETTER)


@pytest.mark.parametrize("other", [{"channel": "SLACK"}, {"direction": "INBOUND"}, {"channel": None}])
def test_other_messages_are_none_of_ours(other):
    assert views.letter("REF-20260101-AAA", {**LETTER, **other}) is None


def test_a_message_may_be_about_no_incident():
    read = views.letter("REF-20260101-AAA", {**LETTER, "incident_guid": "nonsense"})

    assert read is not None
    assert read.incident_guid is None
