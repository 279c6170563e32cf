"""Who is told of what: what calls for people, which channels a code stands for, who is told on each."""

from __future__ import annotations

import pytest

from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.routing import BUILT_IN_CODES, Occasion, channel_names, occasion_of, recipients_by_channel


def event(kind, old=None, new=None, reason="by_hand"):
    return Event(kind=kind, reason=reason, by="ann", old=old, new=new)


@pytest.mark.parametrize(
    ("told", "occasion"),
    [
        (event(EventKind.INCIDENT_CREATED), Occasion.CREATED),
        (event(EventKind.INCIDENT_SEVERITY_CHANGED, "HIGH", "CRITICAL"), Occasion.SEVERITY_RAISED),
        (event(EventKind.INCIDENT_SEVERITY_CHANGED, "CRITICAL", "HIGH"), None),
        (event(EventKind.INCIDENT_SEVERITY_CHANGED, "HIGH", "HIGH"), None),
        (event(EventKind.INCIDENT_SEVERITY_CHANGED, None, "LOUD"), None),
        (event(EventKind.INCIDENT_STATUS_CHANGED, "CREATED", "INVESTIGATING"), Occasion.ACKNOWLEDGED),
        (event(EventKind.INCIDENT_STATUS_CHANGED, "CREATED", "MONITORING"), None),
        (event(EventKind.INCIDENT_STATUS_CHANGED, "MONITORING", "INVESTIGATING"), None),
        (event(EventKind.INCIDENT_CLOSED, "CREATED", "CLOSED"), Occasion.CLOSED),
        (event(EventKind.INCIDENT_CLOSED, "CREATED", "CLOSED", reason="merged"), Occasion.CLOSED),
        (event(EventKind.INCIDENT_REOPENED, "CLOSED", "INVESTIGATING"), Occasion.REOPENED),
        (event(EventKind.INCIDENT_MERGED), None),
        (event(EventKind.INCIDENT_ALERT_LINKED), None),
        (event(EventKind.INCIDENT_ASSIGNED, None, "ann"), None),
        (event(EventKind.INCIDENT_NOTE_ADDED), None),
        (event(EventKind.COMMUNICATION_SENT), None),
        (event(EventKind.COMMUNICATION_FAILED), None),
        (event(EventKind.ALERT_RESOLVED), None),
    ],
)  # fmt: skip
def test_an_event_is_an_occasion_to_tell_people_or_is_none(told, occasion):
    assert occasion == occasion_of(told)


def test_the_codes_of_the_guide_are_built_in():
    channels = {code: each.channels for code, each in BUILT_IN_CODES.items()}

    assert ("PAGERDUTY", "SLACK", "SMS") == channels["INCIDENT_CRITICAL"]
    assert {"INCIDENT_CRITICAL", "INCIDENT_HIGH_PRIORITY", "INCIDENT_RESOLVED", "INCIDENT_CUSTOM"} == channels.keys()
    assert all(channels.values())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("PAGERDUTY,SLACK,SMS", ("PAGERDUTY", "SLACK", "SMS")),
        (" slack , Email,", ("SLACK", "EMAIL")),
        ("SMS,EMAIL,sms", ("SMS", "EMAIL")),
        (" , ", ()),
        ("", ()),
    ],
)
def test_channels_are_read_as_people_write_them_each_once(text, names):
    assert names == channel_names(text)


@pytest.mark.parametrize(
    ("text", "recipients"),
    [
        ('{"SLACK": ["#ops", "#dba"]}', {"SLACK": ("#ops", "#dba")}),
        ('{" slack ": ["#ops", "#ops"], "SMS": []}', {"SLACK": ("#ops",), "SMS": ()}),
        ("{}", {}),
    ],
)
def test_recipients_are_read_by_channel(text, recipients):
    assert recipients == recipients_by_channel(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", '"#ops"', "SLACK", "{", '{"SLACK": "#ops"}', '{"SLACK": [17]}', '{"SLACK": [""]}', '{"SLACK": [" "]}',
        r'{"SLACK": ["\ud800"]}', r'{"SLACK": ["a\nb"]}', '{"SLACK": null}', "[" * 100_000,
    ],
)  # fmt: skip
def test_recipients_that_are_written_otherwise_are_refused(text):
    with pytest.raises(ValueError, match="its Recipients are not written like"):
        recipients_by_channel(text)
