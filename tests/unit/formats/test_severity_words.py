"""How others say how bad it is."""

from __future__ import annotations

import json

import pytest

from axion_bus.domain.alert import Severity
from axion_bus.formats.severity import severity_of_number
from tests.reading import an_alert

TABLE = {
    Severity.CRITICAL: "critical fatal emergency disaster p1 5",
    Severity.HIGH: "error high major alert 4",
    Severity.MEDIUM: "warning warn average minor medium 3 2",
    Severity.LOW: "info notice low ok 1 0 unknown",
}


def read(severity, default=Severity.MEDIUM):
    return an_alert("native", json.dumps({"title": "t", "severity": severity}), severity=default)


@pytest.mark.parametrize(("severity", "word"), [(severity, word) for severity, words in TABLE.items() for word in words.split()])
def test_a_known_word_in_any_case_is_a_severity(severity, word):
    assert [severity] * 4 == [read(form).severity for form in (word, word.upper(), word.title(), f" {word}\n")]
    assert read(word).remarks == ()


@pytest.mark.parametrize(
    ("severity", "number"), [(severity, int(word)) for severity, words in TABLE.items() for word in words.split() if word.isdigit()]
)
def test_a_digit_may_be_a_number(severity, number):
    assert severity is read(number).severity


@pytest.mark.parametrize("value", ["loud", "6", 6, -1, 4.5, 10**30, "x" * 2000])
def test_an_unknown_severity_is_the_sources_default_and_is_remarked(value):
    alert = read(value, default=Severity.LOW)

    assert alert.severity is Severity.LOW
    (remark,) = alert.remarks
    assert remark.startswith("severity ")
    assert remark.endswith(" is unknown, taken as LOW")
    assert len(remark) < 100


@pytest.mark.parametrize(
    ("severity", "numbers"),
    [
        (Severity.LOW, range(1, 13)),
        (Severity.MEDIUM, range(13, 17)),
        (Severity.HIGH, range(17, 21)),
        (Severity.CRITICAL, range(21, 25)),
        (None, (-3, 0, 25, 10**20)),
    ],
)
def test_open_telemetry_numbers_go_by_fours(severity, numbers):
    assert {severity} == {severity_of_number(number) for number in numbers}


def test_our_own_severities_are_open_telemetry_numbers():
    assert list(Severity) == [severity_of_number(severity.value) for severity in Severity]
