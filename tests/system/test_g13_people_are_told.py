"""G13 in fair weather: an alert pages every configured provider, and what becomes of its incident follows it there."""

from __future__ import annotations

from tests.chaos import ledger
from tests.people import CHANNELS, axion_bus, messages, wait_until_sent
from tests.servers import wait_until

RULE = """
[[rules]]
name = "database"
match = ["package = DATABASE"]
auto_close = { on = "all_resolved", quiet = "1s" }
[notify]
created = { CRITICAL = "EVERYBODY" }
acknowledged = "EVERYBODY"
closed = "EVERYBODY"
"""
ALERT = {"id": "1", "title": "Database down", "severity": "CRITICAL", "package": "DATABASE"}


def test_a_critical_alert_pages_everybody_and_what_follows_finds_its_place(paging, publish, store_url, providers):
    paging(store_url, more=RULE)
    publish("alerts/db/main", **ALERT)
    wait_until_sent(store_url, len(CHANNELS))
    (incident,) = ledger.query(store_url, "SELECT IncidentGuid FROM data_incident")
    guid = incident["IncidentGuid"]
    publish("request/acknowledge", incident_guid=guid, by="ann")
    wait_until_sent(store_url, 2 * len(CHANNELS))
    publish("alerts/db/main", **{**ALERT, "id": "2", "status": "resolved"})
    wait_until_sent(store_url, 3 * len(CHANNELS))

    pagerduty, slack, discord = (providers.asked[name] for name in ("PAGERDUTY", "SLACK", "DISCORD"))
    assert [("trigger", guid), ("acknowledge", guid), ("resolve", guid)] == [
        (each.said["event_action"], each.said["dedup_key"]) for each in pagerduty
    ]
    first, *others = slack
    ts = {row["ExternalId"] for row in messages(store_url) if row["Channel"] == "SLACK"}
    assert ("#ops", None) == (first.said["channel"], first.said.get("thread_ts"))
    assert {("C024BE91L", min(ts).rpartition(":")[2])} == {(each.said["channel"], each.said["thread_ts"]) for each in others}
    assert ["POST", "PATCH", "PATCH"] == [each.method for each in discord]
    assert 3 == len(providers.asked["SMS"]) == len(providers.asked["WHATSAPP"]) == len(providers.mail.taken)
    assert ["created", "acknowledged", "closed"] == [each.said["type"].split(".")[4] for each in providers.asked["WEBHOOK"]]
    assert 1 == len({mail["References"] for mail in providers.mail.taken})


def test_the_reference_in_a_message_tells_its_whole_story(paging, publish, sqlite_url, providers):
    providers.answers["PAGERDUTY"] = [(500, {"status": "oops"}), (202, {"status": "success", "dedup_key": "theirs"})]
    daemon = paging(sqlite_url, more=RULE)
    publish("alerts/db/main", **ALERT)
    wait_until_sent(sqlite_url, len(CHANNELS))

    reference = providers.asked["PAGERDUTY"][0].reference
    found = axion_bus(daemon, "lookup-ref", reference)
    assert ("PAGERDUTY", "SENT", "theirs", "Database down") == (
        found["Channel"], found["Status"], found["ExternalId"], found["IncidentTitle"],
    )  # fmt: skip
    first, second = found["AttemptLog"]
    assert ("FAILED", True, "SENT") == (first["Status"], '500: {"status": "oops"}' in first["ErrorMessage"], second["Status"])
    told = [entry["Description"] for entry in axion_bus(daemon, "timeline", found["IncidentGuid"])]
    assert f"PAGERDUTY message {reference} sent to service" in told


def test_a_person_who_asks_for_it_sends_at_once_and_the_daemon_sends_what_failed(paging, sqlite_url, providers):
    providers.answers["SLACK"] = [(503, {}), (200, {"ok": True, "channel": "C1", "ts": "1.0"})]
    daemon = paging(sqlite_url, more=RULE)
    given = ("--title", "Disk full", "--severity", "HIGH", "--package", "STORAGE")
    guid = axion_bus(daemon, "create-incident", *given)["IncidentGuid"]

    counts = axion_bus(daemon, "notify-incident", guid, "EVERYBODY")

    assert (len(CHANNELS) - 1, 0, 1) == (counts["sent"], counts["failed"], counts["pending"])
    wait_until_sent(sqlite_url, len(CHANNELS))
    assert 2 == len(providers.asked["SLACK"])


def test_what_follows_a_page_waits_until_that_is_delivered(paging, publish, sqlite_url, providers):
    providers.answers["PAGERDUTY"] = [(503, {}), (503, {}), (202, {"status": "success"})]
    paging(sqlite_url, "PAGERDUTY", more=RULE)
    publish("alerts/db/main", **ALERT)
    wait_until(lambda: messages(sqlite_url), "the page is queued")
    guid = messages(sqlite_url)[0]["IncidentGuid"]
    publish("request/acknowledge", incident_guid=guid, by="ann")
    publish("request/close-incident", incident_guid=guid, by="ann")
    wait_until_sent(sqlite_url, 3)

    assert ["trigger", "trigger", "trigger", "acknowledge", "resolve"] == [
        asked.said["event_action"] for asked in providers.asked["PAGERDUTY"]
    ]
