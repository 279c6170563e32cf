"""What tests of the desktop share: incidents as it sees them."""

from __future__ import annotations

from axion_bus.desktop.views import IncidentView, LetterView
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus


def guid(number=1):
    return f"00000000-0000-4000-8000-{number:012d}"


def a_view(number=1, **fields):
    defaults = {
        "guid": guid(number),
        "title": f"Incident {number}",
        "severity": Severity.HIGH,
        "status": IncidentStatus.CREATED,
        "package": "DATABASE",
        "created_at": f"2026-01-31T12:00:00.{number:06}Z",
        "version": 1,
    }
    return IncidentView(**{**defaults, **fields})


def a_letter(**fields):
    defaults = {
        "reference": "REF-20260101-AAA",
        "recipient": "desktop",
        "occasion": "reminder",
        "subject": "Still open",
        "text": "please look",
        "severity": Severity.HIGH,
        "incident_guid": guid(1),
    }
    return LetterView(**{**defaults, **fields})
