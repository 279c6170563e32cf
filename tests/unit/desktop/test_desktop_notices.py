"""What a notification says and how: urgency, buttons, and nothing of an incident that a server would take for markup."""

from __future__ import annotations

import pytest

from axion_bus.desktop import notices
from axion_bus.desktop.notices import Answer, Urgency, rendered
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.desktop import a_view

ALL = ("body", "body-markup", "actions")


def shown(capabilities=ALL, **fields):
    return rendered(notices.of_incident(a_view(**fields)), capabilities)


@pytest.mark.parametrize(
    ("severity", "urgency"),
    [("LOW", Urgency.LOW), ("MEDIUM", Urgency.NORMAL), ("HIGH", Urgency.NORMAL), ("CRITICAL", Urgency.CRITICAL)],
)
def test_the_urgency_follows_the_severity(severity, urgency):
    assert urgency is shown(severity=Severity[severity]).urgency


def test_a_notification_says_what_it_is_about():
    seen = shown(title="Database down", severity=Severity.CRITICAL, package="DATABASE", description="no answer")

    assert ("CRITICAL: Database down", "DATABASE\nno answer") == (seen.summary, seen.body)


def test_what_nobody_has_taken_on_can_be_acknowledged_and_closed():
    assert ["acknowledge", "Acknowledge", "close", "Close"] == shown().actions


def test_what_is_in_work_can_only_be_closed():
    assert ["close", "Close"] == shown(status=IncidentStatus.INVESTIGATING).actions


@pytest.mark.parametrize(("severity", "expire_ms"), [("MEDIUM", -1), ("HIGH", 0), ("CRITICAL", 0)])
def test_what_is_bad_stays_until_it_is_answered(severity, expire_ms):
    assert expire_ms == shown(severity=Severity[severity]).expire_ms


def test_a_server_without_buttons_gets_none():
    assert [] == shown(("body",)).actions


def test_a_server_without_bodies_gets_none():
    assert "" == shown(("actions",), description="long story").body


def test_markup_of_an_incident_is_text_where_bodies_are_markup():
    body = shown(package="<b>x</b>", description='<a href="http://evil">a & b</a><img src="file:///x" alt="&lt;"/>').body

    package, description = body.splitlines()
    assert "&lt;b&gt;x&lt;/b&gt;" == package
    assert '&lt;a href="http://evil"&gt;a &amp; b&lt;/a&gt;&lt;img src="file:///x" alt="&amp;lt;"/&gt;' == description


def test_markup_is_left_as_it_is_where_bodies_are_plain():
    assert "P\na < b & c" == shown(("body",), package="P", description="a < b & c").body


def test_a_cut_never_splits_what_was_escaped():
    body = shown(package="P", description="&" * 1000).body

    assert body.replace("&amp;", "").strip() == "P\n…"


def test_a_summary_is_one_line_without_anything_that_is_not_seen():
    assert "LOW: disk full" == shown(severity=Severity.LOW, title="disk\n\t\x1b\u202efull\x07\u200b").summary


def test_a_body_has_few_lines():
    assert ["P", "1", "2", "3", "4", "5", "…"] == shown(package="P", description="\n".join("123456789")).body.splitlines()


def test_long_texts_are_cut():
    seen = shown(title="t" * 500, description="d" * 5000)

    assert (120, "…", "…") == (len(seen.summary), seen.summary[-1], seen.body[-1])


def test_the_rest_is_counted_by_severity():
    rest = notices.of_rest([a_view(severity=Severity[name]) for name in ("HIGH", "CRITICAL", "HIGH")])

    assert ("3 more open incidents", "1 CRITICAL, 2 HIGH") == (rest.summary, rest.body)
    assert "1 more open incident" == notices.of_rest([a_view()]).summary


def test_a_failure_says_of_what_and_why():
    failure = notices.of_failure(a_view(title="Disk full"), Answer.ACKNOWLEDGE, "it is closed")

    assert ("Could not acknowledge: Disk full", "it is closed", ()) == (failure.summary, failure.body, failure.answers)
