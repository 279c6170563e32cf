"""A message whose format nobody named is looked at."""

from __future__ import annotations

import pytest

from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert, elements


def test_an_object_is_native():
    assert an_alert("auto", ' {"title":"t"}') == an_alert("native", '{"title":"t"}')


def test_an_array_of_objects_is_native():
    assert [element.content.title for element in elements("auto", ' [ {"title":"a"},{"title":"b"}]')] == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        "Disk full",
        "[WARN] disk full",
        "[2026-01-31 22:00] disk full",
        "5 disks failed",
        '"/var" is full',
        "nullable",
        "-",
        "title: x",
    ],
)
def test_what_is_not_json_is_a_text(body):
    assert an_alert("auto", body) == an_alert("text", body)


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        ("42", Fault.WRONG_TYPE, "$"),
        (" null ", Fault.WRONG_TYPE, "$"),
        ('"Disk full"', Fault.WRONG_TYPE, "$"),
        ("[1, 2]", Fault.WRONG_TYPE, "$"),
        ("NaN", Fault.BAD_NUMBER, "$"),
        ("[]", Fault.EMPTY, "$"),
        ('{"title":"t"', Fault.BAD_JSON, "$"),
        ('[{"title":"t"}', Fault.BAD_JSON, "$"),
        ('[{"title":"t"', Fault.BAD_JSON, "$"),
        ("[" * 100_000, Fault.TOO_DEEP, "$"),
        ('{"specversion":"1.0","id":"1","source":"s"}', Fault.MISSING_FIELD, "$.type"),
        ('{"alerts":[]}', Fault.EMPTY, "$.alerts"),
        ('{"title":"t","x":NaN,"y":"\\"alerts\\""}', Fault.BAD_NUMBER, "$.x"),
        ("", Fault.EMPTY, "$"),
        (" \n", Fault.EMPTY, "$"),
        (b"\xff\xfe", Fault.BAD_ENCODING, "$"),
        (b"\xef\xbb\xbfDisk full", Fault.BAD_ENCODING, "$"),
        ("Disk\0full", Fault.NUL, ""),
        ("x" * 513, Fault.TOO_LONG, "line 1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_looks_like_json_has_to_be_an_alert(body, fault, place):
    assert (fault, place) == a_fault("auto", body)


def test_alerts_that_are_no_array_do_not_make_a_group():
    assert an_alert("auto", '{"title":"t","alerts":3}').remarks == ("unknown fields ignored: alerts",)


def test_a_broken_message_that_only_speaks_of_alerts_has_its_own_fault():
    assert (Fault.DUPLICATE_KEY, "$.title") == a_fault("auto", '{"title":"a","title":"b","alerts":3}')


@pytest.mark.parametrize(
    "body",
    [
        '{"title":"t","event_action":"trigger","routing_key":"R"}',
        '{"title":"t","name":"n","timestamp":1,"fields":{},"tags":{}}',
        '{"title":"t","event_id":"1","event_value":"1"}',
        '{"title":"t","HOSTNAME":"h","NOTIFICATIONTYPE":"PROBLEM"}',
        '{"summary":"t","event_action":"trigger"}',
        '{"summary":"t","fields":{},"tags":[],"name":"n","timestamp":1}',
        '{"summary":"t","eventid":1,"clock":2}',
        '{"summary":"t","HOSTNAME":"h"}',
        '{"summary":"t","metrics":[]}',
    ],
)
def test_what_has_a_title_or_only_resembles_another_form_is_native(body):
    assert an_alert("auto", body) == an_alert("native", body)


def test_each_element_of_an_array_is_looked_at():
    body = '[{"title":"a"},{"routing_key":"R","event_action":"resolve","dedup_key":"k"}]'

    assert [element.content.title for element in elements("auto", body)] == ["a", "k"]


def test_each_line_of_objects_is_looked_at():
    body = '{"title":"a"}\r\n\n {"routing_key":"R","event_action":"resolve","dedup_key":"k"}\n{"title":"c"}'

    assert [element.content.title for element in elements("auto", body)] == ["a", "k", "c"]


@pytest.mark.parametrize("body", ['{"title":\n"a"}', '{\n"labels":{}\n,"title":"a"}', '{"labels":{\n}\n,"title":"a"}\n'])
def test_an_object_over_several_lines_is_one(body):
    assert an_alert("auto", body).title == "a"


@pytest.mark.parametrize("body", ["NAGIOS: all well", "nagios_hostname=x", "NAGIOS_=x", "see NAGIOS_HOSTNAME=x"])
def test_a_text_that_speaks_of_nagios_is_a_text(body):
    assert an_alert("auto", body) == an_alert("text", body)
