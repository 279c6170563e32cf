"""The schema of an event allows what the daemon writes, and nothing that lacks a part or has one more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import Severity
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.formats import limits
from axion_bus.formats.events import alert_view, incident_view
from axion_bus.formats.wire import AlertView, IncidentView
from axion_bus.schemas import DOCUMENTS
from axion_bus.schemas.hints import define
from tests.json_schema import faults
from tests.unit.formats.test_events_out import INCIDENT, NOW, RECORD, an_event, encode

SCHEMA = DOCUMENTS["event"]()


def an_event_as_json(**changes):
    return json.loads(encode(an_event(**changes)))


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_is_valid(kind):
    assert [] == faults(SCHEMA, an_event_as_json(kind=kind))


@given(
    st.sampled_from(IncidentStatus), st.sampled_from(Severity), st.none() | st.sampled_from(CloseReason), st.none() | st.just("x")
)
@settings(deadline=None)
def test_an_event_about_any_incident_is_valid(status, severity, close_reason, text):
    changed = {"assigned_to": text, "merged_into": text, "rule": text, "closed_at": text and NOW, "acknowledged_at": text and NOW}
    incident = replace(INCIDENT, status=status, severity=severity, close_reason=close_reason, **changed)

    assert [] == faults(SCHEMA, an_event_as_json(incident=incident))


def test_a_truncated_event_is_valid():
    large = "x" * limits.DESCRIPTION
    event = an_event_as_json(incident=replace(INCIDENT, description=large), alert=replace(RECORD, description=large))

    assert ([], True) == (faults(SCHEMA, event), event["data"]["alert"]["truncated"])


def every_part(value, at=()):
    for name, each in value.items():
        yield (*at, name)
        if isinstance(each, dict) and name != "labels":
            yield from every_part(each, (*at, name))


def without(event, path):
    *way, last = path
    table = event
    for name in way:
        table = table[name]
    del table[last]
    return event


OPTIONAL = [("severitytext",), ("severitynumber",), ("data", "alert"), ("data", "alert", "labels")]


@pytest.mark.parametrize("path", [*every_part(an_event_as_json())], ids=".".join)
def test_an_event_that_lacks_a_part_is_not_valid(path):
    assert (path in OPTIONAL) == (not faults(SCHEMA, without(an_event_as_json(), path)))


@pytest.mark.parametrize("table", [(), ("data",), ("data", "incident"), ("data", "alert"), ("data", "change")], ids=".".join)
def test_an_event_with_a_part_more_is_not_valid(table):
    event = part = an_event_as_json()
    for name in table:
        part = part[name]
    part["more"] = 1

    [fault] = faults(SCHEMA, event)
    assert f"{'.'.join(('$', *table))}: Additional properties are not allowed ('more' was unexpected)" == fault


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("type",), "org.axion.bus.incident.painted.v1"),
        (("sequence",), 3),
        (("sequence",), "0"),
        (("time",), "2026-01-31T22:00:00"),
        (("severitynumber",), 3),
        (("source",), "elsewhere"),
        (("data", "reference"), "A7K"),
        (("data", "incident", "status"), "OPEN"),
        (("data", "incident", "version"), 0),
        (("data", "incident", "closed_at"), ""),
        (("data", "incident", "close_reason"), "BORED"),
        (("data", "alert", "count"), "3"),
        (("data", "alert", "labels"), {"a": 1}),
    ],
    ids=str,
)
def test_an_event_with_another_value_is_not_valid(path, value):
    event = part = an_event_as_json()
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value

    assert [] != faults(SCHEMA, event)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind.value.startswith("alert/")])
def test_an_event_of_an_alert_needs_no_incident_but_an_alert(kind):
    alone = {"kind": kind, "incident": None, "sequence": None, "new": None}

    assert ([], False) == (
        faults(SCHEMA, an_event_as_json(**alone)),
        not faults(SCHEMA, an_event_as_json(**alone | {"incident": INCIDENT, "alert": None})),
    )


@pytest.mark.parametrize(("kind", "view"), [(IncidentView, incident_view(INCIDENT)), (AlertView, alert_view(RECORD))])
def test_the_types_have_the_keys_that_are_filled(kind, view):
    definitions = {}
    define(kind, definitions, "#/")

    assert set(view) == set(definitions[kind.__name__]["properties"]) - {"truncated"}
