"""Metrics of Telegraf. The samples have the form of its documentation of the ``json`` output data format, standard and batch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity, fingerprint
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements

SAMPLES = Path(__file__).parent / "samples"
METRIC = (SAMPLES / "telegraf_metric.json").read_text()
BATCH = (SAMPLES / "telegraf_batch.json").read_text()


def metric(fields=None, tags=None, **changes):
    return json.dumps(
        {"fields": {"level": "warning", **(fields or {})}, "name": "disk", "tags": tags or {}, "timestamp": 1769899946, **changes}
    )


@pytest.mark.parametrize("format_", ["telegraf", "auto"])
def test_a_metric_with_a_level_is_an_alert(format_):
    alert = an_alert(format_, METRIC)

    assert alert == Alert(
        title="disk device=sda1 path=/var",
        source="web-1",
        package="disk",
        severity=Severity.CRITICAL,
        description="free: 2147483648\nused_percent: 97.5",
        dedup_key=alert.dedup_key,
        labels={"device": "sda1", "host": "web-1", "path": "/var"},
        occurred_at=datetime(2026, 1, 31, 22, 52, 26, tzinfo=UTC),
    )


@pytest.mark.parametrize("format_", ["telegraf", "auto"])
def test_a_batch_is_read_metric_by_metric_and_a_measurement_fails_alone(format_):
    disk, cpu, mem = elements(format_, BATCH)

    assert (disk.content.status, cpu.content.severity) == (AlertStatus.RESOLVED, Severity.MEDIUM)
    assert (mem.content.fault, mem.content.place) == (Fault.MISSING_FIELD, "$.metrics[2].fields.level")
    assert all(element.text in BATCH for element in (disk, cpu, mem))


def test_the_metric_that_says_ok_resolves_the_one_before_it():
    first, second = an_alert("telegraf", METRIC), elements("telegraf", BATCH)[0].content

    assert fingerprint(first) == fingerprint(second)


@pytest.mark.parametrize("tags", [{"path": "/home"}, {"path": "/var", "x": ""}, {}, {"pa": "th/var"}])
def test_other_tags_are_another_alert(tags):
    assert an_alert("telegraf", metric(tags={"path": "/var"})).dedup_key != an_alert("telegraf", metric(tags=tags)).dedup_key


def test_what_changes_is_no_part_of_the_identity():
    changed = metric({"used": 7}, {"path": "/var", "severity": "error", "status": "firing", "message": "m"}, timestamp=1769900000)

    assert an_alert("telegraf", metric(tags={"path": "/var"})).dedup_key == an_alert("telegraf", changed).dedup_key


@pytest.mark.parametrize(
    ("fields", "tags", "status", "severity"),
    [
        ({"level": "error"}, {}, "FIRING", "HIGH"),
        ({"level": None}, {"level": "error"}, "FIRING", "HIGH"),
        ({"level": None, "severity": "error"}, {"level": "info"}, "FIRING", "HIGH"),
        ({"level": 5}, {}, "FIRING", "CRITICAL"),
        ({"level": "OK"}, {}, "RESOLVED", "MEDIUM"),
        ({"level": "normal"}, {}, "RESOLVED", "MEDIUM"),
        ({"level": "ok", "status": "firing"}, {}, "FIRING", "MEDIUM"),
        ({"level": "error", "status": "Resolved"}, {}, "RESOLVED", "HIGH"),
        ({"level": None, "status": "firing"}, {}, "FIRING", "MEDIUM"),
        ({"level": "error", "status": "running"}, {}, "FIRING", "HIGH"),
    ],
)
def test_level_and_status_say_whether_it_holds(fields, tags, status, severity):
    alert = an_alert("telegraf", metric(fields, tags))

    assert (alert.status, alert.severity) == (AlertStatus[status], Severity[severity])


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_timestamp_may_have_any_of_the_four_units(unit):
    assert an_alert("telegraf", metric(timestamp=1769899946 * unit)).occurred_at == datetime(2026, 1, 31, 22, 52, 26, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", [10**400, -1, 7, 10**20])
def test_an_absurd_timestamp_is_left_out_with_a_remark(timestamp):
    alert = an_alert("telegraf", metric(timestamp=timestamp))

    assert (alert.occurred_at, len(alert.remarks)) == (None, 1)


def test_a_message_is_the_title():
    alert = an_alert("telegraf", metric({"message": "Disk full\nreally", "used": 7}))

    assert (alert.title, alert.description) == ("Disk full", "really\nused: 7")


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        (metric({"level": None}), Fault.MISSING_FIELD, "$.fields.level"),
        (metric({"level": None, "status": "running"}), Fault.MISSING_FIELD, "$.fields.level"),
        (metric({"level": True}), Fault.WRONG_TYPE, "$.fields.level"),
        (metric({"level": None}, {"level": [1]}), Fault.WRONG_TYPE, "$.tags.level"),
        (metric({"message": 7}), Fault.WRONG_TYPE, "$.fields.message"),
        (metric(tags={"host": 7}), Fault.WRONG_TYPE, "$.tags.host"),
        (metric(name=7), Fault.WRONG_TYPE, "$.name"),
        (metric(name=""), Fault.MISSING_FIELD, "$.name"),
        (metric(name="n" * 101), Fault.TOO_LONG, "$.name"),
        (metric(timestamp=[]), Fault.WRONG_TYPE, "$.timestamp"),
        ('{"metrics":[]}', Fault.EMPTY, "$.metrics"),
        ('{"metrics":[{}],"metrics":[{}]}', Fault.DUPLICATE_KEY, "$.metrics"),
        ('{"metrics":[{}],"x":NaN}', Fault.BAD_NUMBER, "$.x"),
        ('{"metrics":[{}', Fault.BAD_JSON, "$"),
        ('{"metrics":' + "[" * 100_000, Fault.TOO_DEEP, "$"),
        ('{"metrics":[' + ",".join(["{}"] * 1001) + "]}", Fault.TOO_MANY, "$.metrics"),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("format_", ["telegraf", "auto"])
def test_a_fault_has_its_name_and_its_place(format_, body, fault, place):
    assert (fault, place) == a_fault(format_, body)


@pytest.mark.parametrize(("body", "place"), [(metric(tags=[]).replace("{}", "[]"), "$.tags"), (metric(fields=None), "$.fields")])
def test_tags_and_fields_are_objects(body, place):
    broken = json.loads(body) | {place.removeprefix("$."): "x"}

    assert (Fault.WRONG_TYPE, place) == a_fault("telegraf", json.dumps(broken))


def test_a_metric_that_speaks_of_metrics_is_no_batch():
    assert an_alert("auto", metric(tags={"path": "metrics"})).labels == {"path": "metrics"}
