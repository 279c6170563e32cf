"""What a preset tells again is news only if something has changed, or fires again."""

from __future__ import annotations

from axion_bus.buses.dbus.repeats import Repeats


def told(status="firing", severity="HIGH", key="web-1:battery"):
    return {"title": "Battery critical", "status": status, "severity": severity, "dedup_key": key}


def news(*alerts, is_reading=False):
    """Which of ``alerts``, told one after another, are news."""
    repeats = Repeats()
    return [not repeats.is_old(alert, is_reading=is_reading) for alert in alerts]


def test_that_something_is_well_is_told_once():
    assert [True, False, False] == news(told("resolved"), told("resolved"), told("resolved", "CRITICAL"))


def test_that_something_fires_again_is_news():
    assert [True, True] == news(told(), told())


def test_that_something_fires_as_before_is_none_where_it_was_only_looked_up():
    assert [True, False] == news(told(), told(), is_reading=True)


def test_that_something_is_worse_is_news_also_where_it_was_looked_up():
    assert [True, True, False] == news(told(), told(severity="CRITICAL"), told(severity="CRITICAL"), is_reading=True)


def test_a_change_is_news():
    assert [True, True, True] == news(told("resolved"), told(), told("resolved"), is_reading=True)


def test_things_are_told_apart():
    assert [True, True] == news(told("resolved"), told("resolved", key="web-1:drive"))
