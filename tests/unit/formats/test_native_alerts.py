"""Our own JSON: which field is what, what may be left out, and what is said of the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements


def native(**fields):
    return an_alert("native", json.dumps({"title": "API slow", **fields}))


def test_every_field_is_taken_as_it_is():
    body = {
        "id": "evt-1",
        "source": "web-1",
        "title": "API slow ",
        "severity": "HIGH",
        "package": "WEBAPI",
        "description": "p99 is 2.3 s",
        "status": "resolved",
        "dedup_key": "api/latency",
        "labels": {"env": "prod", "Ünï": "日本"},
        "alert_guid": "9a7b-guid",
        "occurred_at": "2026-01-31T23:00:00.5+01:00",
    }

    expected = Alert(
        id="evt-1",
        source="web-1",
        title="API slow ",
        severity=Severity.HIGH,
        package="WEBAPI",
        description="p99 is 2.3 s",
        status=AlertStatus.RESOLVED,
        dedup_key="api/latency",
        labels={"env": "prod", "Ünï": "日本"},
        alert_guid="9a7b-guid",
        occurred_at=datetime(2026, 1, 31, 22, 0, 0, 500_000, UTC),
    )
    assert expected == an_alert("native", json.dumps(body))


def test_only_the_title_is_required_and_the_source_fills_the_rest():
    expected = Alert(title="API slow", source="web", package="api", severity=Severity.CRITICAL)

    assert expected == an_alert("native", '{"title":"API slow"}', severity=Severity.CRITICAL)


@pytest.mark.parametrize("nothing", [None, "", " \t"])
@pytest.mark.parametrize("field", ["id", "source", "package", "description", "dedup_key", "alert_guid", "summary"])
def test_null_and_a_blank_text_are_the_same_as_leaving_out(field, nothing):
    assert native() == native(**{field: nothing})


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("field", ["severity", "status", "occurred_at"])
def test_null_and_an_empty_text_say_nothing_of_severity_status_and_time(field, nothing):
    assert native() == native(**{field: nothing})


@pytest.mark.parametrize("title", [{}, {"title": None}, {"title": ""}, {"title": "  ", "summary": "\n"}])
def test_without_a_title_there_is_no_alert(title):
    assert (Fault.MISSING_FIELD, "$.title") == a_fault("native", json.dumps(title))


@pytest.mark.parametrize(
    ("alias", "field"),
    [
        ("summary", "title"),
        ("message", "title"),
        ("host", "source"),
        ("component", "package"),
        ("service", "package"),
    ],
)
def test_a_field_may_go_by_another_name(alias, field):
    alert = an_alert(
        "native", json.dumps({"title": None, "summary": None, alias: "x"} | ({} if field == "title" else {"title": "t"}))
    )

    assert getattr(alert, field) == "x"
    assert alert.remarks == ()


def test_of_several_names_of_a_field_the_first_in_the_table_counts():
    alert = an_alert("native", '{"message":"m","summary":"s","service":"v","component":"c","host":"h","source":"o"}')

    assert (alert.title, alert.package, alert.source) == ("s", "c", "o")
    assert alert.remarks == ("message ignored beside summary", "host ignored beside source", "service ignored beside component")


def test_names_that_agree_are_not_worth_a_remark():
    assert native(summary="API slow").remarks == ()


def test_the_place_of_a_fault_has_the_name_that_was_used():
    assert (Fault.WRONG_TYPE, "$.host") == a_fault("native", '{"title":"t","host":7}')


def test_unknown_fields_are_ignored_and_named():
    assert native(sevrity="HIGH", url="x").remarks == ("unknown fields ignored: sevrity, url",)


def test_of_very_many_unknown_fields_ten_are_named():
    (remark,) = native(**{f"x{number:02}": 1 for number in range(30)}).remarks

    assert remark == "unknown fields ignored: x00, x01, x02, x03, x04, x05, x06, x07, x08, x09 and 20 more"


def test_what_is_told_of_an_unknown_field_is_short_and_printable():
    (remark,) = native(**{"\x1b[31m" + "x" * 1000: 1}).remarks

    assert remark.isprintable()
    assert len(remark) < 100


@pytest.mark.parametrize("text", ["firing", "FIRING", "Firing "])
def test_a_status_may_be_written_in_any_case(text):
    assert native(status=text).status is AlertStatus.FIRING


@pytest.mark.parametrize("text", ["ok", "open", "resolve", "unknown"])
def test_an_unknown_status_is_a_fault(text):
    assert (Fault.UNKNOWN_STATUS, "$.status") == a_fault("native", json.dumps({"title": "t", "status": text}))


def test_a_whole_number_may_be_an_id_or_a_dedup_key():
    alert = native(id=17, dedup_key=0)

    assert (alert.id, alert.dedup_key) == ("17", "0")


def test_labels_that_are_numbers_or_true_or_false_become_their_text_and_null_is_none():
    labels = {"port": 8080, "load": 0.5, "up": True, "down": False, "team": None, "empty": ""}

    assert native(labels=labels).labels == {"port": "8080", "load": "0.5", "up": "true", "down": "false", "empty": ""}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"title": 5}, "$.title"),
        ({"title": ["x"]}, "$.title"),
        ({"title": True}, "$.title"),
        ({"source": {}}, "$.source"),
        ({"package": 1.5}, "$.package"),
        ({"severity": True}, "$.severity"),
        ({"severity": ["HIGH"]}, "$.severity"),
        ({"description": 5}, "$.description"),
        ({"status": 1}, "$.status"),
        ({"status": {}}, "$.status"),
        ({"id": 1.5}, "$.id"),
        ({"id": True}, "$.id"),
        ({"dedup_key": []}, "$.dedup_key"),
        ({"alert_guid": 5}, "$.alert_guid"),
        ({"labels": ["x"]}, "$.labels"),
        ({"labels": "env=prod"}, "$.labels"),
        ({"labels": {"env": {}}}, "$.labels.env"),
        ({"labels": {"a b": []}}, '$.labels["a b"]'),
        ({"occurred_at": {}}, "$.occurred_at"),
        ({"occurred_at": False}, "$.occurred_at"),
    ],
)
def test_a_field_of_the_wrong_type_is_a_fault_with_its_place(fields, place):
    assert (Fault.WRONG_TYPE, place) == a_fault("native", json.dumps({"title": "t", **fields}))


@pytest.mark.parametrize("guid", ["a b", "ümlaut", "tab\t", "x "])
def test_an_alert_guid_that_its_column_would_not_tell_from_others_is_a_fault(guid):
    assert (Fault.BAD_VALUE, "$.alert_guid") == a_fault("native", json.dumps({"title": "t", "alert_guid": guid}))


def test_an_array_is_as_many_alerts_each_with_its_own_text():
    found = elements("native", ' [ {"title":"a"} ,\n{"title" : "b", "labels":{"x":"]"}}\t] ')

    assert [(each.content.title, each.text) for each in found] == [
        ("a", '{"title":"a"}'),
        ("b", '{"title" : "b", "labels":{"x":"]"}}'),
    ]


def test_an_alert_that_is_alone_has_no_text_of_its_own():
    assert [each.text for body in ('{"title":"a"}', '[{"title":"a"}]') for each in elements("native", body)] == [None, None]


def test_a_bad_element_fails_alone_and_its_neighbours_are_accepted():
    body = '[{"title":"a"},{"labels":{}},7,{"title":"b","labels":{"env":[]}},{"title":NaN},{"x":1,"x":2},{"title":"c"}]'

    contents = [each.content for each in elements("native", body)]
    assert [each.title if isinstance(each, Alert) else (each.fault, each.place) for each in contents] == [
        "a",
        (Fault.MISSING_FIELD, "$[1].title"),
        (Fault.WRONG_TYPE, "$[2]"),
        (Fault.WRONG_TYPE, "$[3].labels.env"),
        (Fault.BAD_NUMBER, "$[4].title"),
        (Fault.DUPLICATE_KEY, "$[5].x"),
        "c",
    ]
