"""Random bytes in every format: nothing is raised, something is told, and what is accepted fits the house."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import Alert, AlertStatus, Severity
from axion_bus.formats import FormatName, Malformed, decoder, limits
from tests.reading import a_context

SAMPLES = [path.read_bytes() for path in sorted(Path(__file__).parent.joinpath("samples").iterdir())]
MAPPING = {
    "title": "title || msg || to_string(@)",
    "severity": "to_number(severity)",
    "occurred_at": "max(values(@))",
    "labels": "labels",
    "labels.first": "alerts[0].labels.*|[0]",
    "description": "join(topic, keys(labels))",
}
DECODERS = [decoder(name, MAPPING if name is FormatName.JSON else None) for name in FormatName]

NAMES = st.sampled_from(
    [
        *("id", "source", "host", "title", "summary", "message", "severity", "package", "component", "service", "description"),
        *("status", "dedup_key", "labels", "alert_guid", "occurred_at", "alerts", "annotations", "fingerprint", "startsAt"),
        *("event_action", "routing_key", "payload", "custom_details", "links", "class", "timestamp", "fields", "tags", "metrics"),
        *("name", "level", "event_id", "event_value", "event_tags", "eventid", "clock", "ns", "value", "hosts", "p_eventid"),
        *("HOSTNAME", "SERVICEDESC", "SERVICESTATE", "NOTIFICATIONTYPE", "LASTSERVICESTATECHANGE", "NAGIOS_HOSTNAME"),
        *("specversion", "type", "subject", "time", "data", "data_base64", "datacontenttype", "severitytext", "severitynumber"),
    ]
)
WORDS = st.sampled_from(
    [
        *("firing", "resolved", "HIGH", "1.0", "2026-01-31T22:00:00Z", "2026-01-31", "\ud800", "\0", "x" * 513, "a.resolved"),
        *("YQ==", "trigger", "OK", "[{"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=8),
    max_leaves=24,
)
JSON = VALUES.map(lambda value: json.dumps(value).encode())
SPOIL = st.binary(max_size=4) | st.sampled_from([b'"x":1,', b"NaN", b"\\u0000", b"[" * 40, b"1e999"])


@st.composite
def spoiled(draw):
    """A sample, or JSON, with some of its bytes replaced."""
    body = draw(st.sampled_from(SAMPLES) | JSON)
    at = draw(st.integers(0, len(body)))
    return body[:at] + draw(SPOIL) + body[at + draw(st.integers(0, 9)) :]


@st.composite
def changed(draw):
    """A sample with some of its members, however deep, replaced by something else."""
    body = draw(st.sampled_from([each for each in SAMPLES if each[:1] == b"{" and b"}\n{" not in each]))
    value = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        place = value
        while isinstance(place, dict | list) and place:
            name = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[name], dict | list) or draw(st.booleans()):
                place[name] = draw(VALUES)
                break
            place = place[name]
    return json.dumps(value).encode()


MACROS = st.lists(st.tuples(NAMES, WORDS | st.text(max_size=8)), max_size=6).map(
    lambda pairs: "".join(f"NAGIOS_{name}={value}\n" for name, value in pairs).encode("utf-8", "surrogatepass")
)
BODIES = changed() | MACROS | st.binary(max_size=64) | st.text(max_size=64).map(str.encode) | JSON | spoiled()
VALUE = st.just("1.0") | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PROPERTIES = st.lists(st.tuples(NAMES | st.text(max_size=4), VALUE), max_size=8).map(tuple)
CONTENT_TYPES = st.sampled_from(
    [None, "", ";", "application/json", "text/plain", "application/cloudevents+json", "application/cloudevents+avro", "image/png"]
)
REQUIRED = (("specversion", "1.0"), ("id", "1"), ("source", "s"), ("type", "t"))


@given(BODIES, CONTENT_TYPES, PROPERTIES | PROPERTIES.map(lambda more: REQUIRED + more))
@example(b"", None, ())
@settings(max_examples=400, deadline=None)
def test_no_bytes_raise_and_all_bytes_give_an_element(body, content_type, properties):
    context = a_context(content_type=content_type, properties=properties)

    for decode in DECODERS:
        found = decode(body, context)
        assert found
        for element in found:
            check(element.content)
            assert element.text is None or element.text.encode() in body


def check(content):
    if isinstance(content, Malformed):
        assert content.detail
        check_text(content.detail + content.place)
    else:
        check_alert(content)


def check_alert(alert):
    assert isinstance(alert, Alert)
    assert isinstance(alert.severity, Severity)
    assert isinstance(alert.status, AlertStatus)
    for text in (
        alert.title,
        alert.source,
        alert.package,
        alert.description,
        *alert.remarks,
        *alert.labels,
        *alert.labels.values(),
    ):
        check_text(text)
    assert 0 < len(alert.title.strip()) <= len(alert.title) <= limits.TITLE
    assert 0 < len(alert.source) <= limits.SOURCE
    assert 0 < len(alert.package) <= limits.PACKAGE
    assert len(alert.description) <= limits.DESCRIPTION
    assert len(alert.labels) <= limits.LABELS
    for text, most in ((alert.id, limits.ID), (alert.dedup_key, limits.DEDUP_KEY), (alert.alert_guid, limits.ALERT_GUID)):
        assert text is None or 0 < len(text) <= most
        check_text(text or "")
    assert alert.alert_guid is None or alert.alert_guid.isascii()
    assert alert.occurred_at is None or alert.occurred_at.tzinfo is UTC


def check_text(text):
    assert "\0" not in text
    assert text.encode().decode() == text
