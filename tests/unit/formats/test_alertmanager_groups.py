"""Alertmanager's webhook: a group of alerts, each by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements

SAMPLES = Path(__file__).parent / "samples"
GROUP = (SAMPLES / "alertmanager.json").read_text()
LABELS = {"alertname": "Down"}


def group(*alerts, **envelope):
    return json.dumps({"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts, **envelope})


@pytest.mark.parametrize("format_", ["alertmanager", "auto"])
def test_a_recorded_group_is_one_alert_for_each_of_its_alerts(format_):
    disk, down = [element.content for element in elements(format_, GROUP)]

    assert disk == Alert(
        title="Disk of web-1 will be full in 4 hours",
        source="web-1:9100",
        package="storefront",
        severity=Severity.CRITICAL,
        description="/var is at 97 % and grows by 1 GiB an hour\nrunbook_url: https://runbooks.example/disk",
        dedup_key="66e4e1c9d8f4a2b0",
        labels=json.loads(GROUP)["alerts"][0]["labels"],
        occurred_at=datetime(2026, 1, 31, 20, 52, 26, 739266, UTC),
    )
    assert down == Alert(
        title="InstanceDown",
        source="node",
        package="api",
        severity=Severity.MEDIUM,
        status=AlertStatus.RESOLVED,
        dedup_key="0a1b2c3d4e5f6071",
        labels=json.loads(GROUP)["alerts"][1]["labels"],
        occurred_at=datetime(2026, 1, 31, 20, 5, 0, 500_000, UTC),
    )


def test_each_alert_of_a_group_has_its_own_text():
    texts = [element.text for element in elements("alertmanager", GROUP)]

    assert [json.loads(text) for text in texts] == json.loads(GROUP)["alerts"]
    assert all(text in GROUP for text in texts)


@pytest.mark.parametrize("format_", ["alertmanager", "auto"])
def test_grafana_sends_the_same(format_):
    alert = an_alert(format_, (SAMPLES / "grafana.json").read_bytes())

    assert (alert.title, alert.dedup_key, alert.severity) == ("High memory usage", "c6eadffa33fcdf37", Severity.MEDIUM)


def test_the_publisher_gives_no_event_id():
    assert [element.content.id for element in elements("alertmanager", GROUP)] == [None, None]


@pytest.mark.parametrize(
    ("labels", "field", "expected"),
    [
        ({"instance": "i", "job": "j"}, "source", "i"),
        ({"job": "j"}, "source", "j"),
        ({}, "source", "web"),
        ({"package": "p", "service": "s", "component": "c"}, "package", "p"),
        ({"service": "s", "component": "c"}, "package", "s"),
        ({"component": "c"}, "package", "c"),
        ({}, "package", "api"),
    ],
)
def test_labels_name_source_and_package(labels, field, expected):
    assert getattr(an_alert("alertmanager", group({"labels": LABELS | labels})), field) == expected


def test_an_alert_without_a_status_has_its_groups():
    assert an_alert("alertmanager", group({"labels": LABELS}, status="resolved")).status is AlertStatus.RESOLVED


def test_an_end_that_never_came_is_no_time_and_no_remark():
    alert = an_alert("alertmanager", group({"labels": LABELS, "status": "resolved", "endsAt": "0001-01-01T00:00:00Z"}))

    assert (alert.occurred_at, alert.remarks) == (None, ())


def test_alerts_that_were_left_out_are_remarked():
    assert an_alert("alertmanager", group({"labels": LABELS}, truncatedAlerts=7)).remarks == (
        "Alertmanager left out 7 alerts of this group",
    )


@pytest.mark.parametrize("format_", ["alertmanager", "auto"])
@pytest.mark.parametrize(
    ("broken", "fault", "place"),
    [
        ('{"labels":{}}', Fault.MISSING_FIELD, "$.alerts[1].annotations.summary"),
        ('{"labels":{"alertname":7}}', Fault.WRONG_TYPE, "$.alerts[1].labels.alertname"),
        ('{"labels":{"alertname":"a","severity":true}}', Fault.WRONG_TYPE, "$.alerts[1].labels.severity"),
        ('{"labels":{"alertname":"a","x":{}}}', Fault.WRONG_TYPE, "$.alerts[1].labels.x"),
        ('{"labels":[]}', Fault.WRONG_TYPE, "$.alerts[1].labels"),
        ('{"labels":{"alertname":"a"},"annotations":"x"}', Fault.WRONG_TYPE, "$.alerts[1].annotations"),
        ('{"labels":{"alertname":"a"},"annotations":{"description":5}}', Fault.WRONG_TYPE, "$.alerts[1].annotations.description"),
        ('{"labels":{"alertname":"a"},"status":"odd"}', Fault.UNKNOWN_STATUS, "$.alerts[1].status"),
        ('{"labels":{"alertname":"a"},"startsAt":[]}', Fault.WRONG_TYPE, "$.alerts[1].startsAt"),
        ('{"labels":{"alertname":"a"},"status":"resolved","endsAt":[]}', Fault.WRONG_TYPE, "$.alerts[1].endsAt"),
        ('{"labels":{"alertname":"a","alertname":"b"}}', Fault.DUPLICATE_KEY, "$.alerts[1].labels.alertname"),
        ('{"labels":{"alertname":"a\\u0000"}}', Fault.NUL, "$.alerts[1].labels.alertname"),
        ('{"labels":{"alertname":"a\\ud800"}}', Fault.BAD_ENCODING, "$.alerts[1].labels.alertname"),
        ('{"labels":{"alertname":"a"},"values":{"B":NaN}}', Fault.BAD_NUMBER, "$.alerts[1].values.B"),
        (f'{{"labels":{{"alertname":"{"a" * 513}"}}}}', Fault.TOO_LONG, "$.alerts[1].labels.alertname"),
        ("7", Fault.WRONG_TYPE, "$.alerts[1]"),
    ],
)
def test_a_bad_alert_fails_alone_and_its_neighbours_are_accepted(format_, broken, fault, place):
    good = '{"labels":{"alertname":"Down"}}'

    first, bad, last = elements(format_, f'{{"alerts" : [ {good} , {broken} , {good}] ,"version":"4"}}')

    assert (first.content.title, last.content.title) == ("Down", "Down")
    assert (bad.content.fault, bad.content.place, bad.text) == (fault, place, broken)


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        ('{"version":"4","alerts":[]}', Fault.EMPTY, "$.alerts"),
        ('{"version":"4"}', Fault.MISSING_FIELD, "$.alerts"),
        ('{"version":"4","alerts":{}}', Fault.WRONG_TYPE, "$.alerts"),
        ('{"alerts":[{}],"alerts":[{}]}', Fault.DUPLICATE_KEY, "$.alerts"),
        ('{"alerts":7,"alerts":[{}]}', Fault.DUPLICATE_KEY, "$.alerts"),
        ('{"version":"4","version":"4","alerts":[{}]}', Fault.DUPLICATE_KEY, "$.version"),
        ('{"version":"\\u0000","alerts":[{}]}', Fault.NUL, "$.version"),
        ('{"alerts":[{}],"x":NaN}', Fault.BAD_NUMBER, "$.x"),
        ('{"alerts":[{}] "x"}', Fault.BAD_JSON, "$"),
        ('{"alerts":[{}', Fault.BAD_JSON, "$"),
        ('{"alerts":' + "[" * 100_000, Fault.TOO_DEEP, "$"),
        ('{"alerts":[' + ",".join(["{}"] * 1001) + "]}", Fault.TOO_MANY, "$.alerts"),
        ("[]", Fault.WRONG_TYPE, "$"),
        ("", Fault.EMPTY, "$"),
        (b'{"alerts":["\xff"]}', Fault.BAD_ENCODING, "$"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_of_the_group_is_one_fault(body, fault, place):
    assert (fault, place) == a_fault("alertmanager", body)
