"""Events as CloudEvents: what is written is valid for the CloudEvents SDK, complete, and never too large to be forwarded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import AlertRecord, AlertStatus, Severity
from axion_bus.domain.communication import Reason
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.incident import CloseReason, Incident, IncidentStatus
from axion_bus.formats import events, limits

NOW = datetime(2026, 1, 31, 22, 0, 0, 123456, UTC)
INCIDENT = Incident(
    guid="0198-incident",
    title="API slow",
    severity=Severity.HIGH,
    status=IncidentStatus.CREATED,
    package="WEBAPI",
    created_at=NOW,
    updated_at=NOW,
    description="p99 is 2.3 s",
    version=1,
    sequence=2,
    rule="default",
    correlation_key="k" * 32,
)
RECORD = AlertRecord(
    guid="0198-alert",
    fingerprint="f" * 32,
    source="web-1",
    package="WEBAPI",
    title="API slow",
    severity=Severity.HIGH,
    status=AlertStatus.FIRING,
    count=3,
    first_seen_at=NOW - timedelta(minutes=1),
    last_seen_at=NOW,
    description="p99 is 2.3 s",
    labels={"env": "prod"},
    incident_guid="0198-incident",
)


def encode(event):
    return events.encode(event, event_id="0198-row", reference="REF-20260131-ABC1234", instance="prod-1", at=NOW)


def an_event(kind=EventKind.INCIDENT_SEVERITY_CHANGED, **changes):
    known = {"incident": INCIDENT, "alert": RECORD, "sequence": 2, "old": "HIGH", "new": "CRITICAL"} | changes
    return Event(kind=kind, reason=Reason.OPENED, by="axion-bus", **known)


def test_an_event_has_the_attributes_of_the_contract():
    event = JSONFormat().read(None, encode(an_event()))

    assert event.get_attributes() == {
        "specversion": "1.0",
        "id": "0198-row",
        "source": "/axion-bus/prod-1",
        "type": "org.axion.bus.incident.severity-changed.v1",
        "subject": "0198-incident",
        "time": NOW,
        "datacontenttype": "application/json",
        "severitytext": "HIGH",
        "severitynumber": 17,
        "sequence": "2",
    }


def test_the_data_has_the_incident_the_change_the_reason_and_who_caused_it():
    data = json.loads(encode(an_event()))["data"]

    assert (data["reason"], data["by"], data["reference"]) == ("opened", "axion-bus", "REF-20260131-ABC1234")
    assert data["change"] == {"old": "HIGH", "new": "CRITICAL"}
    assert data["incident"]["incident_guid"] == "0198-incident"
    assert data["alert"] == {
        "alert_guid": "0198-alert",
        "fingerprint": "f" * 32,
        "source": "web-1",
        "package": "WEBAPI",
        "title": "API slow",
        "severity": "HIGH",
        "status": "firing",
        "description": "p99 is 2.3 s",
        "labels": {"env": "prod"},
        "count": 3,
        "first_seen_at": "2026-01-31T21:59:00.123456Z",
        "last_seen_at": "2026-01-31T22:00:00.123456Z",
        "resolved_at": None,
    }


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("about", [{}, {"incident": None}, {"alert": None}, {"incident": None, "sequence": None, "new": None}])
def test_every_kind_of_event_is_valid_for_the_sdk(kind, about):
    event = JSONFormat().read(None, encode(an_event(kind, **about)))

    assert event.get_type() == f"org.axion.bus.{kind.value.replace('/', '.')}.v1"


@pytest.mark.parametrize("filler", ["x", "\x01", '"', "é", "\N{FIRE}"])
def test_an_event_about_the_largest_alert_and_incident_is_below_64_kib_and_keeps_what_identifies(filler):
    description = filler * limits.DESCRIPTION
    title, package = filler * limits.TITLE, filler * limits.PACKAGE
    labels = {f"{number}{filler * (limits.LABEL_NAME - 2)}": filler * limits.LABEL_VALUE for number in range(limits.LABELS)}
    guid = '"' * limits.ALERT_GUID
    times = {"acknowledged_at": NOW, "closed_at": NOW}
    incident = replace(
        INCIDENT,
        title=title,
        package=package,
        description=description,
        assigned_to=filler * 255,
        merged_into=guid,
        close_reason=CloseReason.FALSE_ALARM,
        rule=filler * 255,
        **times,
    )
    alert = replace(
        RECORD, guid=guid, title=title, package=package, description=description, source=filler * limits.SOURCE, labels=labels
    )

    text = encode(an_event(incident=incident, alert=alert))

    data = json.loads(text)["data"]
    assert len(text.encode()) <= 64 * 1024
    assert JSONFormat().read(None, text).get_id() == "0198-row"
    assert (data["incident"]["title"], data["alert"]["title"], data["alert"]["alert_guid"]) == (title, title, guid)
    assert (data["incident"]["truncated"], data["alert"]["truncated"]) == (True, True)
    assert description.startswith(data["alert"]["description"])


def test_an_event_that_fits_is_not_shortened():
    labels = {f"l{number}": "v" * 700 for number in range(limits.LABELS)}

    data = json.loads(encode(an_event(alert=replace(RECORD, labels=labels))))["data"]

    assert data["alert"]["labels"] == labels
    assert "truncated" not in data["alert"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=2000)


@given(TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=20), st.sampled_from(EventKind))
@settings(max_examples=100, deadline=None)
def test_any_text_in_an_event_reads_back(title, description, labels, kind):
    alert = replace(RECORD, title=title[: limits.TITLE], description=description, labels=labels)

    text = encode(an_event(kind, alert=alert))

    read = JSONFormat().read(None, text).get_data()["alert"]
    assert read["title"] == alert.title
    assert len(text.encode()) <= 64 * 1024


def test_the_retained_state_is_the_incident_as_in_the_events():
    assert json.loads(events.encode_state(INCIDENT)) == json.loads(encode(an_event()))["data"]["incident"]
