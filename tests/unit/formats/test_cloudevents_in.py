"""CloudEvents whose data is an alert; the events are made with the CloudEvents SDK."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
STRUCTURED = "application/cloudevents+json; charset=utf-8"
REQUIRED = {"specversion": "1.0", "id": "e-1", "source": "/mon/eu", "type": "com.example.disk.full"}
FULL = REQUIRED | {
    "subject": "STORAGE",
    "time": NOON,
    "datacontenttype": "application/json",
    "severitytext": "ERROR",
    "severitynumber": 17,
    "region": "eu",
}
DATA = {"title": "Disk full", "description": "97 %", "labels": {"host": "db-1"}}


def structured(attributes, data, **context):
    return {"body": JSONFormat().write(CloudEvent(dict(attributes), data)), "content_type": STRUCTURED, **context}


def binary(attributes, data, **context):
    """The event as the MQTT 5 binding writes it (3.1): attributes as user properties, datacontenttype as Content Type."""
    event = CloudEvent(dict(attributes), data)
    values = {
        name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in event.get_attributes().items()
    }
    content_type = values.pop("datacontenttype", None)
    properties = (("axion_origin", "elsewhere"), *values.items())
    body = JSONFormat().write_data(data, content_type)
    return {"body": body, "content_type": content_type, "properties": properties, **context}


@pytest.mark.parametrize("format_", ["cloudevents", "auto"])
@pytest.mark.parametrize("mode", [structured, binary])
def test_an_event_says_what_happened_where_and_when(format_, mode):
    expected = Alert(
        id="e-1",
        source="/mon/eu",
        title="Disk full",
        severity=Severity.HIGH,
        package="STORAGE",
        description="97 %",
        labels={"region": "eu", "host": "db-1"},
        occurred_at=NOON,
    )

    assert expected == an_alert(format_, **mode(FULL, DATA))


@pytest.mark.parametrize("mode", [structured, binary])
def test_an_event_may_have_no_more_than_it_must(mode):
    expected = Alert(id="e-1", source="/mon/eu", title="t", severity=Severity.MEDIUM, package="api", occurred_at=NOON)

    assert expected == an_alert("cloudevents", **mode(REQUIRED | {"time": NOON}, {"title": "t"}))  # the SDK adds a time


@pytest.mark.parametrize("mode", [structured, binary])
@pytest.mark.parametrize(
    ("type_", "status", "expected"),
    [
        ("x.full", None, AlertStatus.FIRING),
        ("x.full.resolved", None, AlertStatus.RESOLVED),
        ("x.full", "resolved", AlertStatus.RESOLVED),
        ("x.full.resolved", "firing", AlertStatus.FIRING),
        ("x.resolved.full", None, AlertStatus.FIRING),
    ],
)
def test_the_data_or_else_the_end_of_the_type_says_whether_it_is_over(mode, type_, status, expected):
    alert = an_alert("cloudevents", **mode(FULL | {"type": type_}, {"title": "t", "status": status}))

    assert expected is alert.status


@pytest.mark.parametrize("mode", [structured, binary])
@pytest.mark.parametrize(
    ("attributes", "in_data", "expected"),
    [
        ({"severitynumber": 21, "severitytext": "INFO"}, "LOW", Severity.CRITICAL),
        ({"severitynumber": 0, "severitytext": "FATAL"}, "LOW", Severity.CRITICAL),
        ({"severitytext": "Warn"}, "LOW", Severity.MEDIUM),
        ({"severitytext": "odd"}, "HIGH", Severity.HIGH),
        ({}, "CRITICAL", Severity.CRITICAL),
        ({}, None, Severity.MEDIUM),
    ],
)
def test_the_severity_is_the_number_or_else_the_text_or_else_the_datas(mode, attributes, in_data, expected):
    assert an_alert("cloudevents", **mode(REQUIRED | attributes, {"title": "t", "severity": in_data})).severity is expected


def test_an_unknown_severity_is_remarked_with_the_name_that_it_has():
    alert = an_alert("cloudevents", **structured(REQUIRED | {"severitytext": "odd"}, {"title": "t"}))

    assert (alert.severity, alert.remarks) == (Severity.MEDIUM, ("severity 'odd' is unknown, taken as MEDIUM",))


@pytest.mark.parametrize("name", ["package", "component", "service"])
def test_a_package_in_the_data_counts_more_than_the_subject(name):
    assert an_alert("cloudevents", **structured(FULL, {"title": "t", name: "DB"})).package == "DB"


def test_id_and_source_are_the_events_whatever_the_data_says():
    alert = an_alert("cloudevents", **structured(FULL, {"title": "t", "id": "other", "source": "other"}))

    assert (alert.id, alert.source) == ("e-1", "/mon/eu")
    assert alert.remarks == ("id in the data ignored beside the event's own", "source in the data ignored beside the event's own")


@pytest.mark.parametrize("mode", [structured, binary])
def test_data_may_be_a_text(mode):
    alert = an_alert("cloudevents", **mode(FULL | {"datacontenttype": "text/plain"}, "Disk full\n97 %"))

    assert (alert.title, alert.description, alert.package) == ("Disk full", "97 %", "STORAGE")


@pytest.mark.parametrize("datacontenttype", [None, "application/json", "application/vnd.example+json; charset=utf-8"])
def test_data_may_be_base64(datacontenttype):
    attributes = {name: value for name, value in (FULL | {"datacontenttype": datacontenttype}).items() if value is not None}

    assert an_alert("cloudevents", **structured(attributes, json.dumps(DATA).encode())).title == "Disk full"


def test_a_whole_event_is_recognised_without_its_content_type():
    body = structured(FULL, DATA)["body"]

    assert an_alert("auto", body) == an_alert("cloudevents", body) == an_alert("cloudevents", **structured(FULL, DATA))


def test_a_whole_event_may_repeat_its_attributes_as_user_properties():
    message = structured(FULL, DATA, properties=binary(FULL, DATA)["properties"])

    assert an_alert("auto", **message) == an_alert("auto", **structured(FULL, DATA))


def test_an_array_of_events_is_as_many_alerts():
    one = structured(FULL, DATA)["body"]
    body = b"[" + one + b"," + one.replace(b"e-1", b"e-2") + b"]"

    for message in ({"body": body}, {"body": body, "content_type": "application/cloudevents-batch+json"}):
        assert [element.content.id for element in elements("auto", **message)] == ["e-1", "e-2"]


@pytest.mark.parametrize(
    ("changes", "fault", "place"),
    [
        ({"id": None}, Fault.MISSING_FIELD, "$.id"),
        ({"id": " "}, Fault.MISSING_FIELD, "$.id"),
        ({"source": ""}, Fault.MISSING_FIELD, "$.source"),
        ({"type": None}, Fault.MISSING_FIELD, "$.type"),
        ({"id": 7}, Fault.WRONG_TYPE, "$.id"),
        ({"specversion": "0.3"}, Fault.BAD_VALUE, "$.specversion"),
        ({"id": "x" * 256}, Fault.TOO_LONG, "$.id"),
        ({"source": "x" * 256}, Fault.TOO_LONG, "$.source"),
        ({"subject": "x" * 101}, Fault.TOO_LONG, "$.subject"),
        ({"subject": 5}, Fault.WRONG_TYPE, "$.subject"),
        ({"time": True}, Fault.WRONG_TYPE, "$.time"),
        ({"region": {}}, Fault.WRONG_TYPE, "$.region"),
        ({"data": None}, Fault.MISSING_FIELD, "$.data"),
        ({"data": 7}, Fault.WRONG_TYPE, "$.data"),
        ({"data": [DATA]}, Fault.WRONG_TYPE, "$.data"),
        ({"data": {}}, Fault.MISSING_FIELD, "$.data.title"),
        ({"data": {"title": 5}}, Fault.WRONG_TYPE, "$.data.title"),
        ({"data": {"title": "t", "labels": {"a": []}}}, Fault.WRONG_TYPE, "$.data.labels.a"),
        ({"data": {"title": "t", "status": "odd"}}, Fault.UNKNOWN_STATUS, "$.data.status"),
        ({"data": "x" * 513}, Fault.TOO_LONG, "$.data"),
        ({"data": "  "}, Fault.EMPTY, "$.data"),
        ({"data_base64": "%%"}, Fault.BAD_VALUE, "$.data_base64"),
        ({"data_base64": "ü"}, Fault.BAD_VALUE, "$.data_base64"),
        ({"data_base64": 5}, Fault.BAD_VALUE, "$.data_base64"),
        ({"data_base64": b64encode(b"\xff").decode()}, Fault.BAD_ENCODING, "$.data_base64"),
        ({"data_base64": b64encode(b'{"title":"t","x":1,"x":2}').decode()}, Fault.DUPLICATE_KEY, "$.data_base64.x"),
        ({"data_base64": "YQ==", "datacontenttype": "image/png"}, Fault.BAD_VALUE, "$.datacontenttype"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_fault_of_a_whole_event_is_named_and_placed(changes, fault, place):
    value = {**FULL, "time": "2026-01-31T12:00:00Z", "data": DATA, **changes}

    assert (fault, place) == a_fault("cloudevents", json.dumps(value))


@pytest.mark.parametrize(
    ("changes", "fault", "place"),
    [
        ({"properties": [("specversion", "1.0"), ("id", "1"), ("type", "t")]}, Fault.MISSING_FIELD, "properties.source"),
        ({"properties": [*REQUIRED.items(), ("id", "2")]}, Fault.DUPLICATE_KEY, "properties.id"),
        ({"properties": [*REQUIRED.items(), ("subject", "a\0b")]}, Fault.NUL, "properties.subject"),
        ({"properties": [*REQUIRED.items(), ("subject", "x" * 101)]}, Fault.TOO_LONG, "properties.subject"),
        ({"properties": [*REQUIRED.items(), ("region", "x" * 1025)]}, Fault.TOO_LONG, "properties.region"),
        ({"body": b""}, Fault.EMPTY, "$"),
        ({"body": b'{"title":5}'}, Fault.WRONG_TYPE, "$.title"),
        ({"body": b"[]"}, Fault.WRONG_TYPE, "$"),
        ({"body": b"\xff", "content_type": "text/plain"}, Fault.BAD_ENCODING, "$"),
        ({"content_type": "image/png"}, Fault.BAD_VALUE, "content_type"),
        ({"content_type": "application/cloudevents+avro"}, Fault.BAD_VALUE, "content_type"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_fault_of_a_binary_event_is_named_and_placed(changes, fault, place):
    message = {"body": b'{"title":"t"}', "properties": [*REQUIRED.items()], **changes}

    assert (fault, place) == a_fault("cloudevents", **message | {"properties": tuple(message["properties"])})


def test_properties_that_are_not_an_events_leave_a_message_as_it_is():
    alert = an_alert("auto", '{"title":"t"}', content_type="application/json", properties=(("id", "7"), ("trace", "x")))

    assert (alert.id, alert.labels) == (None, {})
