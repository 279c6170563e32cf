"""Templates: the guide's placeholders and nothing else; what is put in is never looked at again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.domain.alert import Severity
from axion_bus.domain.template import MAX_CHARACTERS, MAX_PLACEHOLDERS, PLACEHOLDERS, parse
from tests.builders import an_incident

INCIDENT = an_incident(title="Disk full", severity=Severity.CRITICAL, package="DATABASE", description="97 %")
# The guide, "Available Placeholders".
VALUES = {
    "incident_guid": "incident-1",
    "incident_title": "Disk full",
    "incident_severity": "CRITICAL",
    "incident_status": "CREATED",
    "incident_package": "DATABASE",
    "incident_description": "97 %",
    "incident_created_at": "2026-01-31 12:00:00 UTC",
}


@pytest.mark.parametrize(("name", "value"), VALUES.items())
def test_each_placeholder_of_the_guide_stands_for_its_field(name, value):
    assert f"<{value}>" == parse(f"<{{{name}}}>").render(INCIDENT)


def test_there_are_no_others():
    assert VALUES.keys() == PLACEHOLDERS.keys()


def test_doubled_braces_are_braces():
    assert '{"title": "Disk full"}' == parse('{{"title": "{incident_title}"}}').render(INCIDENT)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{incident_title.__class__}", "not a placeholder"),
        ("{incident_title[0]}", "not a placeholder"),
        ("{incident_owner}", "known: {incident_guid}, {incident_title}"),
        ("{}", "not a placeholder"),
        ("{0}", "not a placeholder"),
        ("{incident_title!r}", "must stand alone"),
        ("{incident_title:>9}", "must stand alone"),
        ("{incident_title:{incident_guid}}", "must stand alone"),
        ("{incident_title!}", "unmatched '{'"),
        ("100 % {", "Single '{'"),
        ("}", "Single '}'"),
        ("x" * (MAX_CHARACTERS + 1), "at most 65536"),
        ("{incident_guid}" * (MAX_PLACEHOLDERS + 1), "at most 100"),
    ],
)
def test_anything_else_is_refused_when_it_is_parsed(text, fault):
    with pytest.raises(ValueError, match="(?i)" + fault.replace("{", r"\{")):
        parse(text)


@given(st.text())
def test_a_value_is_put_in_as_it_is(text):
    assert f"{text} {text}" == parse("{incident_title} {incident_description}").render(an_incident(title=text, description=text))


@given(st.text(alphabet=st.sampled_from("{}!:.[]0 a_") | st.characters(), max_size=40))
def test_a_text_is_parsed_or_refused_and_what_is_parsed_can_be_rendered(text):
    try:
        template = parse(text)
    except ValueError:
        return

    assert isinstance(template.render(INCIDENT), str)


def test_a_message_has_an_end_however_often_a_long_text_stands_in_it():
    long = an_incident(description="d" * MAX_CHARACTERS)

    assert MAX_CHARACTERS == len(parse("{incident_description}" * 3).render(long))
