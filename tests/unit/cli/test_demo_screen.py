"""How the demo's lines look, for everything that can come in."""

from __future__ import annotations

import os
import pty
import sys
from datetime import UTC, datetime

import pytest

from axion_bus.cli.demo.screen import Line, of_arrival, of_event, printable, say, show
from axion_bus.domain.communication import Fault, Reason
from axion_bus.store.arrivals import Arrival

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def an_arrival(reason="opened", **given):
    fields = {
        "guid": "row-1",
        "reference": "REF-20260131-0000001",
        "at": NOON,
        "channel": "MQTT",
        "sender": "axion/alerts/web/api",
        "message": "{}",
        "error": None,
        "incident_guid": "incident-1",
        "source": "web",
        "package": "WEBAPI",
        "title": "API slow",
        "severity": "HIGH",
        "count": 3,
    }
    return Arrival(reason=reason, **{**fields, **given})


def an_event(**given):
    return {"type": "org.axion.bus.incident.created.v1", "time": "2026-01-31T12:00:00Z", "data": {"reference": "REF-1"}, **given}


@pytest.fixture
def on_a_terminal(monkeypatch):
    """What a terminal gets."""
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as seen, os.fdopen(follower, "w") as screen:

        def on_a_terminal(text, environ):
            monkeypatch.setattr(sys, "stdout", screen)
            say(text, environ=environ)
            return seen.read(4096).decode()

        yield on_a_terminal


def test_an_alert_that_opens_an_incident_is_two_lines():
    lines = list(of_arrival(an_arrival()))

    assert lines == [
        Line(at=NOON, kind="alert", reference="REF-20260131-0000001", mark="HIGH", text="web/WEBAPI  API slow"),
        Line(at=NOON, kind="incident", mark="created", text="incident-1"),
    ]


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.RESOLVED}))
def test_what_became_of_an_alert_is_shown_for_every_reason(reason):
    alert, effect = of_arrival(an_arrival(reason.value))

    assert ("alert", True) == (alert.kind, bool(effect.text))


def test_a_resolve_is_one_line_since_its_event_tells_the_rest():
    (line,) = of_arrival(an_arrival("resolved"))

    assert ("alert", "resolved") == (line.kind, line.mark)


def test_a_resolve_of_no_alert_shows_the_message():
    nothing = {"source": None, "package": None, "title": None, "severity": None, "count": None, "incident_guid": None}
    line, _ = of_arrival(an_arrival("nothing_to_resolve", message='{"title":"x"}', **nothing))

    assert 'axion/alerts/web/api  {"title":"x"}' == line.text


def test_a_message_that_is_no_alert_is_shown_with_its_fault():
    refused, why = of_arrival(an_arrival("bad_json", message="{", error="bad_json: it ends too early"))

    assert ("message", "refused", "axion/alerts/web/api  {") == (refused.kind, refused.mark, refused.text)
    assert "bad_json: it ends too early" == why.text


@pytest.mark.parametrize("fault", [Fault.SESSION_LOST, Fault.BROKER_DROPPED])
def test_a_gap_is_one_line_that_says_what_is_missing(fault):
    (line,) = of_arrival(an_arrival(fault.value, error="3 messages", message=""))

    assert ("gap", "3 messages") == (line.kind, line.text)


@pytest.mark.parametrize(("reason", "channel"), [("command", "MQTT"), ("", "PHONE")])
def test_what_is_no_alert_and_no_fault_is_one_line(reason, channel):
    (line,) = of_arrival(an_arrival(reason, channel=channel, sender="alice", message="on my way"))

    assert ("message", channel, "alice  on my way") == (line.kind, line.mark, line.text)


def test_an_event_shows_its_number_its_change_and_its_reference():
    data = {"reference": "REF-1", "change": {"old": "CREATED", "new": "MONITORING"}}
    line = of_event(an_event(type="org.axion.bus.incident.status-changed.v1", sequence="4", data=data))

    expected = Line(at=NOON, kind="event", reference="REF-1", mark="no. 4", text="incident/status-changed  CREATED -> MONITORING")
    assert expected == line


def test_an_event_without_an_incident_has_no_number():
    assert Line(at=NOON, kind="event", reference="REF-1", text="incident/created") == of_event(an_event())


def test_columns_are_aligned_whatever_is_in_them(capsys):
    show(Line(at=NOON, kind="alert", reference="REF-20260131-0000001", mark="CRITICAL", text="x"))
    show(Line(at=NOON, kind="event", mark="no. 1", text="x"))
    show(Line(text="x"))

    assert [line.index("x") for line in capsys.readouterr().out.splitlines()] == [52, 52, 52]


def test_a_title_cannot_take_over_the_terminal():
    assert (
        printable("a\x1b[31m\r\nb\x9b")
        == "a\N{REPLACEMENT CHARACTER}[31m" + "\N{REPLACEMENT CHARACTER}" * 2 + "b\N{REPLACEMENT CHARACTER}"
    )


def test_a_long_text_is_cut():
    assert "..." == printable("x" * 1000)[160:]


def test_a_terminal_gets_colours(on_a_terminal):
    assert "\x1b[31mred\x1b[0m\r\n" == on_a_terminal("\x1b[31mred\x1b[0m", {})


def test_no_color_is_obeyed(on_a_terminal):
    assert "red\r\n" == on_a_terminal("\x1b[31mred\x1b[0m", {"NO_COLOR": "1"})


def test_what_is_no_terminal_gets_none(capsys):
    say("\x1b[31mred\x1b[0m", environ={})

    assert "red\n" == capsys.readouterr().out
