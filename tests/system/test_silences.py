"""Silences through a real daemon: set by another process, seen with the next alert, and people are told when they end."""

from __future__ import annotations

import signal

from tests.chaos import ledger
from tests.people import axion_bus, messages, wait_until_sent
from tests.servers import wait_until

PAGES = """
[notify]
created = "EVERYBODY"
severity_raised = "EVERYBODY"
"""
ALERT = {"title": "Database down", "severity": "CRITICAL", "package": "DATABASE"}


def reasons(url):
    rows = ledger.query(url, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND' ORDER BY CommunicationGuid")
    return [ledger.metadata(row)["reason"] for row in rows]


def hear(publish, url, *expected, **alert):
    """Publish one alert more, and wait until it is recorded; every reason so far is as expected."""
    publish("alerts/db/main", **{**ALERT, **alert})
    wait_until(lambda: len(reasons(url)) == len(expected), lambda: f"{expected}; recorded are {reasons(url)}")
    assert list(expected) == reasons(url)


def test_a_silenced_alert_pages_nobody_until_the_silence_is_ended(paging, publish, store_url, providers):
    daemon = paging(store_url, "PAGERDUTY", more=PAGES)
    guid = axion_bus(daemon, "silence", "add", "package = DATABASE", "--for", "1h", "--by", "ann")["SilenceGuid"]
    hear(publish, store_url, "silenced")
    hear(publish, store_url, "silenced", "silenced")
    hear(publish, store_url, "silenced", "silenced", "opened", package="OTHER")
    wait_until_sent(store_url, 1)

    axion_bus(daemon, "silence", "expire", guid)

    wait_until_sent(store_url, 2)
    other, database = ledger.query(store_url, "SELECT * FROM data_incident ORDER BY CreatedAt, IncidentGuid")
    (alert,) = ledger.query(store_url, "SELECT * FROM data_alert WHERE Package = 'DATABASE'")
    assert (["OTHER", "DATABASE"], 2) == ([other["Package"], database["Package"]], alert["Count"])
    assert [other["IncidentGuid"], database["IncidentGuid"]] == [each.said["dedup_key"] for each in providers.asked["PAGERDUTY"]]
    (silenced, *_) = axion_bus(daemon, "explain", database["IncidentGuid"])["causes"] or [None]
    assert silenced is None  # it came in before there was an incident; its own reference tells of the silence


def test_a_silence_of_the_configuration_is_in_force_until_a_reload_without_it(paging, publish, sqlite_url, providers):
    standing = '[[silences]]\nmatch = ["package = DATABASE"]\n'
    daemon = paging(sqlite_url, "PAGERDUTY", more=PAGES + standing)
    hear(publish, sqlite_url, "silenced")
    daemon.config_file.write_text(daemon.config_file.read_text().replace(standing, ""))

    daemon.signal(signal.SIGHUP)

    wait_until_sent(sqlite_url, 1)
    (row,) = ledger.query(sqlite_url, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
    assert ledger.metadata(row)["silence"].startswith("configuration-")
    assert 1 == len(providers.asked["PAGERDUTY"])


def test_an_open_incident_is_not_raised_by_a_silenced_alert_until_the_silence_is_over(paging, publish, sqlite_url):
    daemon = paging(sqlite_url, "PAGERDUTY", more=PAGES)
    hear(publish, sqlite_url, "opened", severity="HIGH")
    publish("request/silence", match=["package = DATABASE"], ends_at="1h", silence_guid="work", by="ann")
    wait_until(lambda: reasons(sqlite_url) == ["opened", "command"], "the silence is set")
    hear(publish, sqlite_url, "opened", "command", "silenced")
    wait_until_sent(sqlite_url, 1)
    (before,) = ledger.query(sqlite_url, "SELECT * FROM data_incident")

    publish("request/expire-silence", silence_guid="work", by="bob")

    wait_until_sent(sqlite_url, 2)
    (after,) = ledger.query(sqlite_url, "SELECT * FROM data_incident")
    assert ("HIGH", "CRITICAL") == (before["Severity"], after["Severity"])
    assert 2 == len(messages(sqlite_url))
    assert "Severity changed from HIGH to CRITICAL" in [
        entry["Description"] for entry in axion_bus(daemon, "timeline", after["IncidentGuid"])
    ]
