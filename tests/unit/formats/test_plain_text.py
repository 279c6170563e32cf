"""Plain text: the first line is the title, the rest the description."""

from __future__ import annotations

import pytest

from axion_bus.domain.alert import Alert, Severity
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert


def test_a_line_is_a_title_and_the_topic_says_the_rest():
    expected = Alert(title="Disk full on /var", source="web", package="api", severity=Severity.MEDIUM)

    assert expected == an_alert("text", "Disk full on /var")


@pytest.mark.parametrize("body", ["Disk full\n97 % of /var\nsince noon\n", "\r\n Disk full \r\n\r\n97 % of /var\nsince noon  "])
def test_the_lines_after_the_first_are_the_description(body):
    alert = an_alert("text", body)

    assert (alert.title, alert.description) == ("Disk full", "97 % of /var\nsince noon")


@pytest.mark.parametrize("body", ['{"title":"x"}', "42", "[1]", '"x"'])
def test_what_is_named_text_is_text_even_if_it_is_json(body):
    assert an_alert("text", body).title == body


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        (b"", Fault.EMPTY, ""),
        (b" \n", Fault.EMPTY, ""),
        ("\u3000\u00a0".encode(), Fault.EMPTY, ""),
        (b"Disk \xff full", Fault.BAD_ENCODING, ""),
        (b"\xef\xbb\xbfDisk full", Fault.BAD_ENCODING, ""),
        (b"Disk\0full", Fault.NUL, ""),
        (b"x" * 513, Fault.TOO_LONG, "line 1"),
        (b"x\n" + b"y" * 65_537, Fault.TOO_LONG, "line 2"),
    ],
)
def test_each_fault_is_named_and_placed(body, fault, place):
    assert (fault, place) == a_fault("text", body)
