"""The rows of an incident, as the store gives them; a text of a test's own in every field that people or alerts fill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from axion_bus.reports import Material
from tests.fakes import NOON


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def an_entry(minutes, kind, text="something happened", by="ada"):
    return {"Timestamp": at(minutes), "EventType": kind, "Description": text, "CreatedBy": by}


def material(text="plain words", **changes):
    """An incident of an hour, reopened once; ``text`` is in every field that is not ours."""
    found = Material(
        incident={
            "IncidentGuid": "019443f2-7c1e-7a40-9d0b-5f0e2a6c1b77", "Title": f"Title {text}", "Severity": "HIGH",
            "Status": "CLOSED",
            "Package": f"Package {text}", "Description": f"Description {text}", "AssignedTo": f"Owner {text}", "CreatedAt": at(0),
            "UpdatedAt": at(60), "AcknowledgedAt": at(5), "ClosedAt": at(60), "CloseReason": "RESOLVED", "MergedInto": None,
            "Version": 9, "RuleName": "default",
        },
        alerts=[
            {"AlertGuid": f"guid-{text}", "LinkedAt": at(0), "Title": f"Alert {text}", "Source": f"Source {text}",
             "Severity": "LOW", "Status": "RESOLVED", "Count": 7},
            {"AlertGuid": "unknown-guid", "LinkedAt": at(1), "Title": None, "Source": None, "Severity": None, "Status": None,
             "Count": None},
        ],
        notes=[
            {"NoteType": kind, "Content": f"{kind} said {text}", "CreatedBy": f"Writer {text}", "CreatedAt": at(minutes)}
            for kind, minutes in (("GENERAL", 6), ("ROOT_CAUSE", 7), ("ROOT_CAUSE", 8), ("RESOLUTION", 9))
        ],
        timeline=[
            an_entry(0, "CREATED", f"Created {text}", f"Creator {text}"),
            an_entry(5, "STATUS_CHANGE"), an_entry(20, "CLOSED"), an_entry(40, "REOPENED"), an_entry(60, "CLOSED"),
            an_entry(61, "NOTIFICATION_FAILED", f"Failed {text}"),
        ],
        communications=[
            {"ShortRef": "REF-20260131-A7K", "Timestamp": at(2), "Channel": f"CHANNEL {text}", "Direction": "OUTBOUND",
             "Status": "FAILED", "Recipient": f"Recipient {text}", "Message": f"Message {text}", "ErrorMessage": f"Error {text}"},
        ],
        bus_messages=12,
        statuses=[(at(0), "CREATED"), (at(5), "INVESTIGATING"), (at(20), "CLOSED"), (at(40), "INVESTIGATING"), (at(60), "CLOSED")],
        written_at=at(90),
    )  # fmt: skip
    return replace(found, **changes)


@pytest.fixture
def plain():
    return material()
