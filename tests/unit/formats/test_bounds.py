"""How long a text may be: what its column takes, to the character; one more is refused."""

from __future__ import annotations

import json

import pytest

from axion_bus.domain.communication import Fault
from axion_bus.formats import limits
from axion_bus.store import schema
from tests.reading import a_fault, an_alert

BOUNDS = [
    ("title", 512),
    ("source", 255),
    ("package", 100),
    ("id", 255),
    ("dedup_key", 255),
    ("alert_guid", 255),
    ("description", 65_536),
]


def with_text(field, text):
    return json.dumps({"title": "t", field: text})


@pytest.mark.parametrize(("field", "characters"), BOUNDS)
def test_a_text_of_the_full_length_is_accepted_and_one_more_character_is_a_fault(field, characters):
    assert getattr(an_alert("native", with_text(field, "x" * characters)), field) == "x" * characters
    assert (Fault.TOO_LONG, f"$.{field}") == a_fault("native", with_text(field, "x" * (characters + 1)))


def test_lengths_are_characters_and_not_bytes():
    assert an_alert("native", with_text("title", "\N{FIRE}" * 512)).title == "\N{FIRE}" * 512


def test_a_label_has_bounds_of_its_own():
    label = {"n" * limits.LABEL_NAME: "v" * limits.LABEL_VALUE}

    assert an_alert("native", with_text("labels", label)).labels == label
    assert (Fault.TOO_LONG, "$.labels.x") == a_fault("native", with_text("labels", {"x": "v" * (limits.LABEL_VALUE + 1)}))
    longer = "n" * (limits.LABEL_NAME + 1)
    assert (Fault.TOO_LONG, f'$.labels["{longer[:64]}"]') == a_fault("native", with_text("labels", {longer: "v"}))


def test_a_number_that_is_a_label_has_them_too():
    assert (Fault.TOO_LONG, "$.labels.x") == a_fault("native", '{"title":"t","labels":{"x":' + "9" * 1025 + "}}")


def test_there_may_be_so_many_labels_and_no_more():
    most = {str(number): "v" for number in range(limits.LABELS)}

    assert an_alert("native", with_text("labels", most)).labels == most
    assert (Fault.TOO_MANY, "$.labels") == a_fault("native", with_text("labels", most | {"x": "v"}))


@pytest.mark.parametrize(
    ("bound", "column"),
    [
        (limits.TITLE, schema.alert.c.Title),
        (limits.TITLE, schema.incident.c.Title),
        (limits.SOURCE, schema.alert.c.Source),
        (limits.PACKAGE, schema.alert.c.Package),
        (limits.PACKAGE, schema.incident.c.Package),
        (limits.ID, schema.communication.c.ExternalId),
        (limits.ALERT_GUID, schema.alert.c.AlertGuid),
        (limits.ALERT_GUID, schema.communication.c.AlertGuid),
        (limits.ALERT_GUID, schema.incident_alert.c.AlertGuid),
    ],
    ids=str,
)
def test_what_is_accepted_fits_its_column(bound, column):
    assert bound <= column.type.length
