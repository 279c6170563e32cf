"""Events for PagerDuty. The samples have the form of the Events API v2's documentation ("Send an alert event", PD-CEF)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity, fingerprint
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert

SAMPLES = Path(__file__).parent / "samples"
TRIGGER = (SAMPLES / "pagerduty_trigger.json").read_text()
RESOLVE = (SAMPLES / "pagerduty_resolve.json").read_text()


def event(payload=None, **changes):
    payload = {"summary": "Down", "source": "s", "severity": "error", **(payload or {})}
    return json.dumps({"routing_key": "R", "event_action": "trigger", "payload": payload, **changes})


@pytest.mark.parametrize("format_", ["pagerduty", "auto"])
def test_a_documented_trigger_is_an_alert(format_):
    assert an_alert(format_, TRIGGER) == Alert(
        title="Disk of db-3 is 99 % full",
        source="db-3.example",
        package="mysql",
        severity=Severity.CRITICAL,
        description='mounts: ["/var", "/var/lib/mysql"]\nRunbook: https://runbooks.example/disk\n'
        "Example Monitoring: https://monitoring.example/db-3",
        dedup_key="db-3/mysql-disk",
        labels={"free space": "1%", "ping time": "1500ms", "load avg": "0.75", "class": "disk", "group": "shop-databases"},
        occurred_at=datetime(2026, 1, 31, 22, 52, 26, 315_000, UTC),
    )


@pytest.mark.parametrize("format_", ["pagerduty", "auto"])
def test_a_resolve_that_has_only_the_key_resolves_the_trigger(format_):
    trigger, resolve = an_alert(format_, TRIGGER), an_alert(format_, RESOLVE)

    assert (resolve.status, resolve.title) == (AlertStatus.RESOLVED, "db-3/mysql-disk")
    assert fingerprint(resolve) == fingerprint(trigger)


@pytest.mark.parametrize(
    ("word", "severity"), [("critical", "CRITICAL"), ("error", "HIGH"), ("warning", "MEDIUM"), ("info", "LOW")]
)
def test_each_of_the_four_severities_has_its_own(word, severity):
    assert an_alert("pagerduty", event({"severity": word})).severity is Severity[severity]


@pytest.mark.parametrize(
    ("payload", "package"), [({"component": "c", "group": "g"}, "c"), ({"component": "", "group": "g"}, "g"), ({}, "api")]
)
def test_the_component_is_the_package_or_else_the_group(payload, package):
    assert an_alert("pagerduty", event(payload)).package == package


def test_a_summary_of_the_length_that_pagerduty_takes_is_cut_and_kept_whole_in_the_description():
    summary = "x" * 1024

    alert = an_alert("pagerduty", event({"summary": summary}))

    assert (len(alert.title), alert.description) == (512, summary)
    assert alert.remarks == ("the title was too long; all of it begins the description",)


@pytest.mark.parametrize("detail", ["y" * 1025, "two\nlines", {"a": 1}, ["a"]])
def test_a_detail_that_is_no_label_is_told_in_the_description(detail):
    text = detail if isinstance(detail, str) else json.dumps(detail)

    alert = an_alert("pagerduty", event({"custom_details": {"trace": detail, "none": None, "ok": True}}))

    assert (alert.labels, alert.description) == ({"ok": "true"}, f"trace: {text}")


def test_details_beyond_the_last_label_are_told_in_the_description():
    alert = an_alert("pagerduty", event({"custom_details": {f"n{n}": n for n in range(66)}}))

    assert (len(alert.labels), alert.description) == (64, "n64: 64\nn65: 65")


def test_details_may_be_a_text():
    assert an_alert("pagerduty", event({"custom_details": "see below"})).description == "see below"


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        (event(event_action="acknowledge"), Fault.UNKNOWN_STATUS, "$.event_action"),
        (event(event_action=7), Fault.WRONG_TYPE, "$.event_action"),
        (event(event_action=None), Fault.MISSING_FIELD, "$.event_action"),
        (event(payload=None, dedup_key=[]), Fault.WRONG_TYPE, "$.dedup_key"),
        (event({"summary": None}), Fault.MISSING_FIELD, "$.payload.summary"),
        (event({"summary": 7}), Fault.WRONG_TYPE, "$.payload.summary"),
        (event({"source": 7}), Fault.WRONG_TYPE, "$.payload.source"),
        (event({"component": 7}), Fault.WRONG_TYPE, "$.payload.component"),
        (event({"group": 7}), Fault.WRONG_TYPE, "$.payload.group"),
        (event({"severity": []}), Fault.WRONG_TYPE, "$.payload.severity"),
        (event({"timestamp": []}), Fault.WRONG_TYPE, "$.payload.timestamp"),
        (event(dedup_key="k" * 256), Fault.TOO_LONG, "$.dedup_key"),
        ('{"routing_key":"R","event_action":"trigger"}', Fault.MISSING_FIELD, "$.payload.summary"),
        ('{"routing_key":"R","event_action":"resolve"}', Fault.MISSING_FIELD, "$.dedup_key"),
        ('{"routing_key":"R","event_action":"trigger","payload":"x"}', Fault.WRONG_TYPE, "$.payload"),
        ('{"routing_key":"R","event_action":"trigger","payload":{"summary":"a\\u0000"}}', Fault.NUL, "$.payload.summary"),
        ('{"routing_key":"R","event_action":"trigger","event_action":"resolve"}', Fault.DUPLICATE_KEY, "$.event_action"),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("format_", ["pagerduty", "auto"])
def test_a_fault_has_its_name_and_its_place(format_, body, fault, place):
    assert (fault, place) == a_fault(format_, body)


def test_the_routing_key_is_nowhere_in_the_alert():
    assert "R000000000000000000000000000000A" not in repr(an_alert("pagerduty", TRIGGER))
