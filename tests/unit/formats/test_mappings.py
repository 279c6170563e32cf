"""Any other JSON, by JMESPath expressions."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.domain.communication import Fault
from axion_bus.errors import ConfigError
from axion_bus.formats import FormatName, decoder
from tests.reading import a_fault, an_alert, elements

SENSOR = {"title": "msg", "severity": "level", "source": "topic_levels[1]", "package": "'SENSORS'"}


@pytest.mark.parametrize("format_", ["json", "auto"])
def test_the_mapping_of_the_contract(format_):
    expected = Alert(title="too hot", severity=Severity.HIGH, source="kitchen", package="SENSORS")

    assert expected == an_alert(format_, '{"msg":"too hot","level":4}', mapping=SENSOR, topic="sensors/kitchen/alarm")


def test_every_field_may_be_mapped():
    mapping = {
        "title": "join(' ', [event.name, 'on', topic])",
        "id": "event.id",
        "source": "host",
        "package": "tags[?key == 'component'].value | [0]",
        "severity": "severity",
        "description": "text",
        "status": "value == `0` && 'resolved' || 'firing'",
        "dedup_key": "trigger",
        "alert_guid": "guid",
        "occurred_at": "clock",
        "labels": "extra",
        "labels.room": "room",
        "labels.floor": "floor",
    }
    body = (
        '{"event":{"id":7,"name":"Load"},"host":"h","tags":[{"key":"component","value":"CPU"}],"severity":"disaster","text":"d",'
        '"value":0,"trigger":12,"guid":"g-1","clock":1769896800,"extra":{"a":1,"room":"x"},"room":"kitchen"}'
    )

    expected = Alert(
        title="Load on axion/alerts/web/api",
        id="7",
        source="h",
        package="CPU",
        severity=Severity.CRITICAL,
        description="d",
        status=AlertStatus.RESOLVED,
        dedup_key="12",
        alert_guid="g-1",
        occurred_at=datetime(2026, 1, 31, 22, tzinfo=UTC),
        labels={"a": "1", "room": "kitchen"},
    )
    assert expected == an_alert("json", body, mapping=mapping)


def test_what_an_expression_does_not_find_is_left_out():
    alert = an_alert("json", '{"msg":"m"}', mapping=SENSOR | {"labels.room": "room", "source": "host"})

    assert (alert.severity, alert.source, alert.labels) == (Severity.MEDIUM, "web", {})


def test_the_topic_hides_members_of_its_name():
    mapping = {"title": "topic", "source": "topic_levels[0]"}

    alert = an_alert("json", '{"topic":"x","topic_levels":["y"]}', mapping=mapping)

    assert (alert.title, alert.source) == ("axion/alerts/web/api", "axion")


def test_an_array_is_mapped_element_by_element():
    good, bad = elements("json", '[{"msg":"a"},{"msg":5}]', mapping=SENSOR)

    assert good.content.title == "a"
    assert (bad.content.fault, bad.content.place, bad.text) == (Fault.WRONG_TYPE, "mapping.title", '{"msg":5}')


@pytest.mark.parametrize(
    ("body", "mapping", "fault", "place"),
    [
        ("{}", SENSOR, Fault.MISSING_FIELD, "mapping.title"),
        ('{"msg":["a"]}', SENSOR, Fault.WRONG_TYPE, "mapping.title"),
        ('{"msg":"m","level":{}}', SENSOR, Fault.WRONG_TYPE, "mapping.severity"),
        ('{"msg":"m","x":[]}', SENSOR | {"labels.room": "x"}, Fault.WRONG_TYPE, "mapping.labels.room"),
        ('{"msg":"m","x":"s"}', SENSOR | {"labels": "x", "labels.room": "msg"}, Fault.WRONG_TYPE, "mapping.labels"),
        ('{"msg":"m","x":"odd"}', SENSOR | {"status": "x"}, Fault.UNKNOWN_STATUS, "mapping.status"),
        ('{"msg":"m"}', SENSOR | {"description": "&msg"}, Fault.WRONG_TYPE, "mapping.description"),
        ('{"msg":5}', {"title": "length(msg)"}, Fault.MAPPING_FAILED, "mapping.title"),
        ('{"msg":[1,"a"]}', {"title": "join(',', msg)"}, Fault.MAPPING_FAILED, "mapping.title"),
        ('{"a":1,"b":"x"}', {"title": "a < b"}, Fault.MAPPING_FAILED, "mapping.title"),  # a bare TypeError of jmespath's
        ('{"a":"1e999"}', {"title": "ceil(to_number(a))"}, Fault.MAPPING_FAILED, "mapping.title"),  # an OverflowError
        ('{"a":[1]}', {"title": "a[::0]"}, Fault.MAPPING_FAILED, "mapping.title"),  # a ValueError
        ('{"msg":"a","msg":"b"}', SENSOR, Fault.DUPLICATE_KEY, "$.msg"),
        ('{"msg":"a\\u0000"}', SENSOR, Fault.NUL, "$.msg"),
        ("7", SENSOR, Fault.WRONG_TYPE, "$"),
        ("Disk full", SENSOR, Fault.BAD_JSON, "$"),
        ("", SENSOR, Fault.EMPTY, "$"),
    ],
)
def test_each_fault_is_named_and_placed(body, mapping, fault, place):
    assert (fault, place) == a_fault("json", body, mapping=mapping)


def test_a_failure_says_which_expression_and_why():
    (element,) = elements("json", '{"msg":5}', mapping={"title": "length(msg)"})

    assert element.content.detail.startswith("'length(msg)': In function length(), invalid type for value: 5")


@pytest.mark.parametrize(
    ("format_", "mapping", "message"),
    [
        ("json", None, 'format "json" needs a mapping: field = JMESPath expression, for title at least'),
        ("json", {}, "title is missing: an alert needs one"),
        ("native", {"title": "x"}, 'format "native" takes no mapping: write format = "json", or remove the mapping'),
        ("text", {}, 'format "text" takes no mapping: write format = "json", or remove the mapping'),
        ("auto", {"title": "a["}, "title = 'a[' is not a JMESPath expression: Invalid jmespath expression: Incomplete expression"),
        ("json", {"title": ""}, "title = '' is not a JMESPath expression: Invalid JMESPath expression: cannot be empty."),
        ("json", {"title": "'x"}, "title = \"'x\" is not a JMESPath expression: Bad jmespath expression: Unclosed ' delimiter"),
        ("json", {"title": "a || upper(b)"}, "title = 'a || upper(b)' calls upper(), which JMESPath does not have"),
        ("json", {"title": "join(a)"}, "title = 'join(a)' calls join() with 1 arguments; it takes 2"),
        ("json", {"title": "not_null()"}, "title = 'not_null()' calls not_null() with 0 arguments; it takes 1 or more"),
        ("json", {"title": "(" * 5000}, f"title = {'(' * 5000!r} is not a JMESPath expression: it is nested too deep"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(format_, mapping, message):
    with pytest.raises(ConfigError) as caught:
        decoder(FormatName(format_), mapping)

    assert message == str(caught.value)


def test_a_function_may_have_more_arguments_if_jmespath_says_so():
    assert an_alert("json", '{"b":"B"}', mapping={"title": "not_null(a, b, c)"}).title == "B"


def test_all_faults_of_a_mapping_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        decoder(FormatName.JSON, {"ttle": "a[", "labels.": "b", "severity": "upper(c)"})

    told = str(caught.value).split("; ")
    assert [text.split(" ")[0] for text in told] == ["found", "allowed", "title", "ttle", "severity"]
    assert told[0] == "found labels., ttle, which an alert does not have"


def test_jmespath_is_loaded_only_where_there_is_a_mapping():
    program = "import sys, axion_bus.formats; sys.exit('jmespath' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
