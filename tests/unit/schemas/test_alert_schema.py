"""The schema of an alert says what the reader takes: what it allows is read, and what the reader refuses it does not allow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axion_bus.domain.alert import Alert
from axion_bus.formats import limits
from axion_bus.formats.fields import NAMES
from axion_bus.schemas.alert import EXAMPLES, alert, alerts
from tests.json_schema import faults
from tests.reading import elements

SCHEMA, MESSAGE = alert(), alerts()


def is_read(value):
    return all(isinstance(each.content, Alert) for each in elements("native", json.dumps(value)))


def is_allowed(value, schema=SCHEMA):
    return not faults(schema, value)


def short(value):
    return repr(value)[:24]


FIELDS = [
    ("title", ["t", "", " ", None, 7, True, [], "x" * limits.TITLE, "x" * (limits.TITLE + 1)]),
    ("summary", ["t", "", None]),
    ("source", ["s", "", None, 7, {}, "x" * (limits.SOURCE + 1)]),
    ("host", ["s", None, 7]),
    ("package", ["p", "", None, 7, "x" * (limits.PACKAGE + 1)]),
    ("service", ["s", None, 7]),
    ("severity", ["HIGH", "p1", "odd", "", 4, 2.5, None, True, []]),
    ("status", ["firing", "Resolved", " FIRING ", "", None, "open", 1, True]),
    ("description", ["d\nd", "", None, 7, "x" * (limits.DESCRIPTION + 1)]),
    ("id", ["1", 1, 10**20, "", None, 1.5, True, [], "x" * (limits.ID + 1)]),
    ("dedup_key", ["1", 1, None, False, "x" * (limits.DEDUP_KEY + 1)]),
    ("alert_guid", ["a-b", "", None, "a b", "é", 7, "x" * (limits.ALERT_GUID + 1)]),
    (
        "labels",
        [
            {},
            {"a": "b", "n": 1.5, "t": True, "z": None},
            None,
            [],
            "x",
            {"a": {}},
            {"a": "x" * (limits.LABEL_VALUE + 1)},
            {"x" * (limits.LABEL_NAME + 1): "a"},
            {str(number): "" for number in range(limits.LABELS + 1)},
        ],
    ),
    ("occurred_at", ["2026-01-31T22:00:00Z", "yesterday", 1.5, "", None, True, {}]),
    ("anything", ["else", 1, None, {"deep": [1]}]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FIELDS for value in values], ids=short)
def test_what_one_field_may_be_is_what_is_read(name, value):
    given = {name: value} if name in ("title", "summary") else {"title": "t", name: value}

    assert is_read(given) == is_allowed(given)


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FIELDS}))
@settings(max_examples=300, deadline=None)
def test_what_is_allowed_is_read_whatever_is_combined(value):
    assert is_read(value) or not is_allowed(value)


def test_every_field_is_in_it_with_a_description():
    described = {name for name, field in SCHEMA["properties"].items() if field["description"]}

    assert {"title", "summary", "message", "host", "component", "service"} | NAMES == described


@pytest.mark.parametrize(
    ("value", "is_good"),
    [([{"title": "t"}], True), ([], False), ([{"title": "t"}, {}], False), ("t", False), ([{"title": "t"}] * 1001, False)],
    ids=["one", "none", "a bad one", "text", "too many"],
)
def test_a_message_is_an_alert_or_an_array_of_them(value, is_good):
    assert (is_good, is_good) == (is_allowed(value, MESSAGE), is_read(value))


def test_the_examples_are_valid_and_read():
    assert [(True, True)] * 3 == [(is_allowed(example), is_read(example)) for example in EXAMPLES]


def test_the_example_of_the_page_on_formats_is_valid():
    page = Path(__file__).parents[3].joinpath("docs/formats.md").read_text("utf-8")

    assert is_allowed(json.loads(page.partition("```json\n")[2].partition("```")[0]))
