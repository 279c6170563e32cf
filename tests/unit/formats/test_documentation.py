"""docs/formats.md says what the code does: its tables and its examples."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from axion_bus.config import parse
from axion_bus.domain.communication import Fault
from axion_bus.formats import FormatName, limits
from axion_bus.formats.fields import NAMES, PACKAGE, SOURCE, TITLE
from axion_bus.formats.severity import WORDS
from tests.reading import an_alert

DOCS = Path(__file__).parents[3].joinpath("docs/formats.md").read_text("utf-8")


def rows(heading):
    """The cells of the first table under ``heading``, without its header."""
    section = f"\n{DOCS}".partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in lines[2:]]


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


def example(language):
    return re.search(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)[1]


def test_every_format_is_described():
    assert list(FormatName) == [name for name, *_ in map(code, (row[0] for row in rows("# Formats: what an alert may look like")))]


def test_every_field_and_every_other_name_of_it_is_in_the_table():
    table = {code(field)[0]: tuple(code(others)) for field, others, *_ in rows("## Native JSON")}

    assert set(table) == NAMES
    assert (table["title"], table["source"], table["package"]) == (TITLE[1:], SOURCE[1:], PACKAGE[1:])


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        ("title", [limits.TITLE]),
        ("source", [limits.SOURCE]),
        ("package", [limits.PACKAGE]),
        ("description", [limits.DESCRIPTION]),
        ("id", [limits.ID]),
        ("dedup_key", [limits.DEDUP_KEY]),
        ("labels", [limits.LABELS, limits.LABEL_NAME, limits.LABEL_VALUE]),
        ("alert_guid", [limits.ALERT_GUID]),
    ],
)
def test_the_bounds_in_the_table_are_the_true_ones(field, bounds):
    (most,) = [row[-1] for row in rows("## Native JSON") if code(row[0]) == [field]]

    assert bounds == [int(number) for number in re.findall(r"\d+", most)]


def test_the_bounds_of_a_message_are_the_true_ones():
    told = {code(fault)[0]: [int(number) for number in re.findall(r"\d+", text)] for fault, text in rows("## Faults")}

    assert told["too_many"] == [limits.ALERTS, limits.LABELS, limits.MEMBERS]
    assert told["too_deep"] == [limits.NESTING]


def test_every_word_for_a_severity_is_in_the_table():
    assert {severity.name: list(words) for severity, words in WORDS.items()} == {
        severity: words.split(", ") for severity, words in rows("## Severity")
    }


def test_every_fault_is_described():
    told = [code(fault)[0] for fault, _ in rows("## Faults")] + code(DOCS.rpartition("\n\n")[2])

    assert set(Fault) == {Fault(name) for name in told}


def test_the_native_example_is_an_alert_without_a_remark():
    alert = an_alert("native", example("json"))

    assert (alert.id, alert.title, alert.remarks) == ("evt-8713", "API slow", ())


def test_the_mapping_example_is_a_valid_configuration():
    (source,) = parse({"mqtt": tomllib.loads(example("toml"))["mqtt"]}).mqtt.sources

    alert = an_alert("json", '{"msg":"hot","value":0,"room":"k"}', mapping=dict(source.mapping), topic="sensors/kitchen/alarm")

    assert (alert.title, alert.source, alert.package, alert.status, alert.labels) == (
        "hot",
        "kitchen",
        "SENSORS",
        "RESOLVED",
        {"room": "k"},
    )
