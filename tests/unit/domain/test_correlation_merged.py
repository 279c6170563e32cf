"""Where the alerts of an incident go that was merged into another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from axion_bus.domain.communication import Reason
from axion_bus.domain.incident import CloseReason, close
from axion_bus.domain.rules import default_rule
from tests.builders import Desk, a_rule, an_incident
from tests.fakes import NOON

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def desk():
    return Desk()


def a_desk(**rule):
    return Desk(rules=(a_rule(**rule), default_rule()))


def merge(desk, target):
    """What the desk has fired is merged into ``target``."""
    source = desk.decisions[-1].incident
    desk.put(close(source, CloseReason.MERGED, NOON) if source.is_open else source)
    desk.board.put_targets({source.correlation_key: target})


def test_after_a_merge_the_alerts_of_the_source_go_to_the_target(desk):
    desk.fire()
    desk.resolve()
    merge(desk, an_incident(guid="target", correlation_key="another"))

    linked = desk.fire()

    assert (Reason.LINKED, "target", "target") == (linked.reason, linked.incident.guid, linked.alert.incident_guid)


def test_a_repeat_of_an_alert_of_the_source_goes_to_the_target_too(desk):
    opened = desk.fire()
    merge(desk, an_incident(guid="target", correlation_key="another"))

    linked = desk.fire()

    assert (Reason.LINKED, opened.alert.guid, "target") == (linked.reason, linked.alert.guid, linked.incident.guid)


def test_the_effects_of_the_batch_on_a_target_are_seen(desk):
    desk.fire()
    merge(desk, an_incident(guid="target", correlation_key="another", version=3))

    versions = [desk.fire(source=source).incident.version for source in ("web-2", "web-3")]

    assert [4, 5] == versions


def test_an_incident_of_the_key_that_was_opened_after_the_merge_comes_before_the_target(desk):
    key = desk.fire().incident.correlation_key
    merge(desk, an_incident(guid="target", correlation_key="another"))
    desk.put(an_incident(guid="later", correlation_key=key))

    assert desk.fire().incident.guid == "later"


def test_a_target_that_is_closed_is_not_reopened_for_the_key_of_the_source():
    desk = a_desk(reopen_within=TEN_MINUTES)
    desk.fire()
    merge(desk, close(an_incident(guid="target", correlation_key="another"), CloseReason.RESOLVED, NOON))

    assert desk.fire().reason is Reason.OPENED
