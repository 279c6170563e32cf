"""What a rule says of the incidents that it opens: from which severity on, their title, key and assignee."""

from __future__ import annotations

import pytest

from axion_bus.domain.communication import Reason
from axion_bus.domain.correlation import TITLE_CHARACTERS
from axion_bus.domain.rules import default_rule
from tests.builders import Desk, a_rule


@pytest.mark.parametrize(("create_at", "reason"), [("MEDIUM", Reason.OPENED), ("CRITICAL", Reason.BELOW_CREATE_AT)])
def test_the_rule_says_from_which_severity_on_an_incident_is_opened(create_at, reason):
    desk = Desk(rules=(a_rule(create_at=create_at), default_rule()))

    assert reason is desk.fire(severity="MEDIUM").reason


def test_the_rule_assigns_names_and_groups():
    rule = a_rule("database", title="{package}: {title} on {labels.cluster}", group_by=("labels.cluster",), assign_to="dba-team")
    desk = Desk(rules=(rule, default_rule()))

    one = desk.fire("disk full", labels={"cluster": "a"})
    other = desk.fire("replica lags", labels={"cluster": "a"})

    assert ("WEBAPI: disk full on a", "dba-team", "database") == (one.incident.title, one.incident.assigned_to, one.incident.rule)
    assert (Reason.LINKED, one.incident.guid) == (other.reason, other.incident.guid)
    assert one.incident.title == other.incident.title


@pytest.mark.parametrize(
    ("template", "title", "expected"),
    [
        ("{description}{labels.absent}", "API slow", "API slow"),
        ("{labels.absent} ", "API slow", "API slow"),
        ("{title}" * 3, "x" * 300, "x" * TITLE_CHARACTERS),
    ],
)
def test_an_incident_always_has_a_title_that_fits(template, title, expected):
    desk = Desk(rules=(a_rule(title=template), default_rule()))

    assert expected == desk.fire(title).incident.title
