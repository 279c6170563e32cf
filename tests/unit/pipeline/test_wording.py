"""The words of a message: the nearest template has its way, a faulty one gives way and is told of."""

from __future__ import annotations

from axion_bus.domain import template
from axion_bus.domain.routing import NotifyCode
from axion_bus.pipeline.wording import Reach, worded
from tests.builders import an_incident

INCIDENT = an_incident(title="API slow", description="Since noon.")


def a_code(**given):
    return NotifyCode(code="LOUD", channels=("SLACK",), **given)


def a_reach(**given):
    return Reach(recipients=("#ops",), **{name: template.parse(text) for name, text in given.items()})


def test_the_plain_message_tells_all_about_the_incident():
    message = worded(INCIDENT, None, None, None)

    assert "[HIGH] API slow (CREATED)" == message.subject
    assert message.text.splitlines() == [
        *("HIGH: API slow", "", "Status: CREATED", "Package: WEBAPI", "Created: 2026-01-31 12:00:00 UTC", ""),
        *("Since noon.", "", "Incident incident-1"),
    ]


def test_the_channel_s_template_comes_before_ours():
    message = worded(INCIDENT, a_code(), a_reach(title="T {incident_title}", template="B {incident_package}"), None)

    assert ("T API slow", "B WEBAPI\n") == (message.subject, message.text)


def test_the_code_s_template_comes_before_the_channel_s():
    message = worded(INCIDENT, a_code(title="code", template="code's"), a_reach(title="channel", template="channel's"), None)

    assert ("code", "code's\n") == (message.subject, message.text)


def test_the_caller_s_template_comes_before_all():
    message = worded(INCIDENT, a_code(title="code", template="code's"), a_reach(), template.parse("\n\ncaller's\n"))

    assert ("code", "caller's\n") == (message.subject, message.text)


def test_an_empty_template_of_a_code_is_none():
    message = worded(INCIDENT, a_code(title=" ", template=""), a_reach(title="channel", template="channel's"), None)

    assert ("channel", "channel's\n", None) == (message.subject, message.text, message.remark)


def test_a_faulty_template_of_a_code_gives_way_to_the_plain_one_and_says_so():
    message = worded(INCIDENT, a_code(title="{incident.guid}", template="{nobody}"), a_reach(), None)

    assert "[HIGH] API slow (CREATED)" == message.subject
    assert message.text.startswith("HIGH: API slow\n")
    assert "(Notify code LOUD: its Title is faulty, so this is the plain one: {incident.guid} is not a placeholder" in message.text
    assert "its Template is faulty, so this is the plain one: {nobody} is not a placeholder" in message.remark


def test_what_else_is_wrong_with_a_code_is_told():
    message = worded(INCIDENT, a_code(fault="its Recipients are odd"), a_reach(template="B"), None)

    assert ("B\n\n(Notify code LOUD: its Recipients are odd)\n", "its Recipients are odd") == (message.text, message.remark)


def test_a_subject_is_one_line_and_not_endless():
    message = worded(an_incident(title="a\nb\t" + "x" * 500), a_code(title="{incident_title} " * 5), a_reach(), None)

    assert message.subject.startswith("a b xxx")
    assert (1000, "…") == (len(message.subject), message.subject[-1])
