"""Zabbix: parameters of a media type, called as in Zabbix's own media types (Slack, Opsgenie), and its documented export."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity, fingerprint
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements

SAMPLES = Path(__file__).parent / "samples"
PROBLEM = json.loads((SAMPLES / "zabbix_problem.json").read_text())
EXPORT = (SAMPLES / "zabbix_export.ndjson").read_text()
DOWN, UP = EXPORT.splitlines()


def sent(**changes):
    return json.dumps({**PROBLEM, **changes})


def exported(**changes):
    return json.dumps({**json.loads(DOWN), **changes})


@pytest.mark.parametrize("format_", ["zabbix", "auto"])
def test_a_problem_that_a_media_type_sends_is_an_alert(format_):
    assert an_alert(format_, sent()) == Alert(
        title="High CPU utilization (over 90% for 5m)",
        source="web-1",
        package="cpu",
        severity=Severity.HIGH,
        description="The CPU is busy; the system may be slow to respond.\noperational data: Current utilization: 97.2 %",
        dedup_key="web/4711",
        labels={"component": "cpu", "scope": "performance, capacity", "trigger_id": "16199"},
    )


@pytest.mark.parametrize("format_", ["zabbix", "auto"])
def test_its_recovery_resolves_it(format_):
    recovery = an_alert(format_, sent(event_value="0"))

    assert recovery.status is AlertStatus.RESOLVED
    assert fingerprint(recovery) == fingerprint(an_alert(format_, sent()))


def test_an_update_is_a_repeat_with_the_severity_that_a_person_gave():
    update = an_alert("zabbix", sent(event_update_status="1", event_update_nseverity="5", event_update_message="worse"))

    assert (update.status, update.severity) == (AlertStatus.FIRING, Severity.CRITICAL)
    assert update.description.startswith("The CPU is busy; the system may be slow to respond.\nworse\n")
    assert fingerprint(update) == fingerprint(an_alert("zabbix", sent()))


@pytest.mark.parametrize(
    ("number", "severity"), [("0", "LOW"), ("1", "LOW"), ("2", "MEDIUM"), ("3", "MEDIUM"), ("4", "HIGH"), ("5", "CRITICAL")]
)
def test_each_severity_by_its_number(number, severity):
    assert an_alert("zabbix", sent(event_nseverity=number)).severity is Severity[severity]


@pytest.mark.parametrize("unresolved", ["{EVENT.NSEVERITY}", "*UNKNOWN*", "", None])
def test_a_macro_without_a_value_says_nothing(unresolved):
    alert = an_alert("zabbix", sent(event_nseverity=unresolved, event_severity="Disaster", host_name=unresolved))

    assert (alert.severity, alert.source) == (Severity.CRITICAL, "web")


@pytest.mark.parametrize(
    ("tags", "labels", "package"),
    [
        ({"event_tags": "component:cpu, url:http://x, flag"}, {"component": "cpu", "url": "http://x", "flag": ""}, "cpu"),
        ({"event_tags_json": '[{"tag":"service","value":"shop"},{"tag":""},7]'}, {"service": "shop"}, "shop"),
        ({"event_tags_json": [{"tag": "package", "value": "P"}]}, {"package": "P"}, "P"),
        ({"event_tags_json": '[{"tag":"broken'}, {"tags": '[{"tag":"broken'}, "api"),
        ({"event_tags": 7}, {}, "api"),
    ],
)
def test_tags_come_in_three_forms_and_cost_no_alert(tags, labels, package):
    alert = an_alert("zabbix", sent(**{"event_tags_json": None, "trigger_id": None} | tags))

    assert (alert.labels, alert.package) == (labels, package)


def test_two_servers_count_their_events_from_one_and_do_not_meet():
    keys = {an_alert("zabbix", sent(), source=name).dedup_key for name in ("zabbix-north", "zabbix-south")}

    assert len(keys) == 2


def test_an_export_has_a_problem_and_its_recovery_a_line_each():
    down, up = [element.content for element in elements("zabbix", EXPORT)]

    assert down == Alert(
        title="Zabbix agent is not available (for 3m)",
        source="web-1",
        package="system",
        severity=Severity.MEDIUM,
        id="web/42",
        dedup_key="web/42",
        labels={"component": "system", "scope": "availability", "hosts": "web-1, db-3", "groups": "Linux servers, Shop"},
        occurred_at=datetime(2026, 1, 31, 22, 52, 26, 123457, UTC),
    )
    assert (up.status, up.title, up.id) == (AlertStatus.RESOLVED, "Zabbix problem 42", "web/43")
    assert up.occurred_at == datetime(2026, 1, 31, 22, 53, 26, 987654, UTC)
    assert fingerprint(up) == fingerprint(down)


def test_a_line_of_an_export_is_known_by_its_look():
    assert [an_alert("auto", line) for line in (DOWN, UP)] == [element.content for element in elements("zabbix", EXPORT)]


def test_a_bad_line_fails_alone():
    first, bad, last = elements("zabbix", f"{DOWN}\n{{broken\n{UP}\n")

    assert (first.content.title, last.content.title) == ("Zabbix agent is not available (for 3m)", "Zabbix problem 42")
    assert (bad.content.fault, bad.content.place, bad.text) == (Fault.BAD_JSON, "$[1]", "{broken")


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        (sent(event_value="2"), Fault.UNKNOWN_STATUS, "$.event_value"),
        (sent(event_value="*UNKNOWN*"), Fault.MISSING_FIELD, "$.event_value"),
        (sent(event_value=True), Fault.WRONG_TYPE, "$.event_value"),
        (sent(event_id="{EVENT.ID}"), Fault.MISSING_FIELD, "$.event_id"),
        (sent(event_id=[]), Fault.WRONG_TYPE, "$.event_id"),
        (sent(event_id="4" * 300), Fault.TOO_LONG, "$.event_id"),
        (sent(event_name=None), Fault.MISSING_FIELD, "$.event_name"),
        (sent(event_name=7), Fault.WRONG_TYPE, "$.event_name"),
        (sent(event_nseverity=[]), Fault.WRONG_TYPE, "$.event_nseverity"),
        (sent(host_name=7), Fault.WRONG_TYPE, "$.host_name"),
        (exported(value=3), Fault.UNKNOWN_STATUS, "$.value"),
        (exported(value=None), Fault.MISSING_FIELD, "$.value"),
        (exported(value=0), Fault.MISSING_FIELD, "$.p_eventid"),
        (exported(eventid={}), Fault.WRONG_TYPE, "$.eventid"),
        (exported(name=None), Fault.MISSING_FIELD, "$.name"),
        (exported(severity=[]), Fault.WRONG_TYPE, "$.severity"),
        (exported(clock=[]), Fault.WRONG_TYPE, "$.clock"),
        (exported(hosts=[{"name": "h" * 256}]), Fault.TOO_LONG, "$.hosts[0]"),
    ],
    ids=lambda value: str(value)[-60:],
)
@pytest.mark.parametrize("format_", ["zabbix", "auto"])
def test_a_fault_has_its_name_and_its_place(format_, body, fault, place):
    assert (fault, place) == a_fault(format_, body)


def test_an_object_over_several_lines_is_one_event():
    assert an_alert("zabbix", json.dumps(PROBLEM, indent=2)) == an_alert("zabbix", sent())


@pytest.mark.parametrize("changes", [{"hosts": 7, "groups": 7, "tags": 7}, {"hosts": [], "groups": [], "tags": []}])
def test_an_export_without_its_lists_is_still_an_alert(changes):
    alert = an_alert("zabbix", exported(**changes))

    assert (alert.source, alert.package) == ("web", "api")
