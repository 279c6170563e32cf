"""Commands over a real broker, by the stock clients: the guide's example told in requests, both versions of MQTT, faults."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

import pytest

from axion_bus import IncidentManager
from axion_bus.config import parse
from tests.chaos.alerts import Message
from tests.chaos.ledger import count, query
from tests.chaos.publisher import Publisher
from tests.chaos.scene import start_hearing
from tests.servers import TcpProxy, wait_until
from tests.system.asking import Listener, ask, publish

TITLE = {"title": "API Response Time Degraded", "severity": "HIGH", "package": "WEBAPI"}
COMMUNICATIONS = "data_incident_communication"


@pytest.fixture
def daemon(broker, sqlite_url, make_daemon):
    return start_hearing(make_daemon(store=sqlite_url, broker=broker.url))


def test_the_guides_example_is_told_in_requests_and_heard_in_events(broker, daemon, base_topic, sqlite_url):
    """The guide's complete example, step by step; what it does is what the Python calls do (tests/guide)."""
    with Listener(broker, f"{base_topic}/events/#") as events:
        created = ask(broker, base_topic, "create-incident", {**TITLE, "assigned_to": "backend-team", "transaction": 1})
        guid = created["data"]["incident_guid"]

        def step(verb, **arguments):
            answer = ask(broker, base_topic, verb, {"incident_guid": guid, **arguments})
            assert "ok" == answer["status"], answer
            return answer["data"]

        told = step("notify", notify_code="INCIDENT_HIGH_PRIORITY", by="MONITORING_SYSTEM")
        step("update-status", new_status="INVESTIGATING", by="engineer1")
        step("add-note", note_type="ROOT_CAUSE", content="Missing index", by="engineer1")
        step("add-note", note_type="MITIGATION", content="Added index", created_by="dba1")
        logged = step("log-communication", channel="PHONE", message="Called.", recipient="+1-555-0123")
        step("update-status", new_status="MONITORING", by="engineer1", expected_version=5)
        closed = step("close-incident", resolution_summary="Index added", root_cause="No index", by="engineer1")
        found = ask(broker, base_topic, "lookup-ref", {"short_ref": logged["short_ref"]})["data"]
        listed = ask(broker, base_topic, "list-incidents", {"status": "CLOSED"})["data"]
        events.wait_for(10)
    wait_until(lambda: not count(sqlite_url, COMMUNICATIONS, "Status = 'PENDING'"), "what was published is settled")

    assert 1 == created["transaction"]
    assert {"sent": 0, "failed": 2, "pending": 0} == told
    assert ("CLOSED", "RESOLVED", [guid]) == (closed["status"], closed["close_reason"], [each["incident_guid"] for each in listed])
    assert (guid, TITLE["title"]) == (found["incident_guid"], found["incident_title"])
    assert [
        "incident/created", "communication/failed", "communication/failed", "incident/status-changed", "incident/note-added",
        "incident/note-added", "incident/status-changed", "incident/note-added", "incident/note-added", "incident/closed",
    ] == [topic.removeprefix(f"{base_topic}/events/") for topic in events.topics]  # fmt: skip
    assert [str(number) for number in range(1, 11)] == [event["sequence"] for _, event in events.messages]
    rows = query(sqlite_url, f"SELECT * FROM {COMMUNICATIONS} WHERE Direction = 'INBOUND' ORDER BY Timestamp")
    answers = query(sqlite_url, f"SELECT * FROM {COMMUNICATIONS} WHERE Recipient LIKE %s", f"{base_topic}/answers/%")
    assert ([f"{base_topic}/request/create-incident", "RECEIVED"], 10) == ([rows[0]["Recipient"], rows[0]["Status"]], len(rows))
    assert ({"SENT"}, 10) == ({row["Status"] for row in answers}, len(answers))


@pytest.mark.parametrize("protocol", [5, 4])
def test_a_client_of_3_1_1_hears_the_answer_on_the_verbs_own_topic(broker, sqlite_url, make_daemon, base_topic, protocol):
    start_hearing(make_daemon(store=sqlite_url, broker=broker.url, mqtt=f"protocol = {protocol}"))
    with Listener(broker, f"{base_topic}/response/#", "-V", "mqttv311") as answers:
        publish(broker, f"{base_topic}/request/create-incident", {**TITLE, "transaction": "17"}, "-V", "mqttv311")
        publish(broker, f"{base_topic}/request/create-incident", {"title": "", "transaction": "18"}, "-V", "mqttv311")
        publish(broker, f"{base_topic}/request/shout", "{}", "-V", "mqttv311")
        (first, done), (_, refused), (last, unknown) = answers.wait_for(3)

    assert (f"{base_topic}/response/create-incident", "ok", "17") == (first, done["status"], done["transaction"])
    assert ("invalid", "18") == (refused["error"]["code"], refused["transaction"])
    assert (f"{base_topic}/response/unknown", "invalid") == (last, unknown["error"]["code"])


def test_correlation_data_comes_back_and_an_answer_goes_only_where_it_may(broker, daemon, base_topic):
    wished, own = f"{base_topic}/answers/7", f"{base_topic}/response/list-incidents"
    with Listener(broker, f"{base_topic}/#", "-V", "mqttv5", "-F", '%t\t"%D"') as heard:
        for topic in (wished, f"{base_topic}/events/incident/created", "elsewhere/7"):
            properties = ["-D", "PUBLISH", "response-topic", topic, "-D", "PUBLISH", "correlation-data", f"id of {topic}"]
            publish(broker, f"{base_topic}/request/list-incidents", "{}", "-V", "mqttv5", *properties)
        wait_until(lambda: heard.topics.count(own) == 2, "the answers")

    assert 1 == heard.topics.count(wished)
    assert f"{base_topic}/events/incident/created" not in heard.topics
    assert (wished, f"id of {wished}") in heard.messages


def test_a_retained_command_is_refused_and_one_that_is_too_large_as_well(broker, daemon, base_topic, sqlite_url):
    with Listener(broker, f"{base_topic}/response/#") as answers:
        publish(broker, f"{base_topic}/request/create-incident", TITLE, "-V", "mqttv5", "-r")
        publish(broker, f"{base_topic}/request/create-incident", {**TITLE, "description": "x" * 300_000})
        codes = [answer["error"]["code"] for _, answer in answers.wait_for(2)]
    publish(broker, f"{base_topic}/request/create-incident", "", "-r")

    rows = query(sqlite_url, f"SELECT * FROM {COMMUNICATIONS} WHERE Direction = 'INBOUND' ORDER BY Timestamp LIMIT 2")
    assert ["refused", "invalid"] == codes
    assert ["retained", "too_large"] == [json.loads(row["Metadata"])["reason"] for row in rows]
    assert 0 == count(sqlite_url, "data_incident")


def test_a_command_among_alerts_takes_effect_in_its_turn(broker, sqlite_url, make_daemon, base_topic):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    alert = {"title": "Disk full", "severity": "HIGH", "package": "P"}
    topic = f"{base_topic}/alerts/host/P"
    publish(broker, topic, {**alert, "source": "one"})
    wait_until(lambda: count(sqlite_url, "data_incident"), "an incident")
    (first,) = query(sqlite_url, "SELECT IncidentGuid FROM data_incident")
    daemon.stop()
    close = json.dumps({"incident_guid": first["IncidentGuid"]}).encode()
    with Publisher(broker.port) as publisher:  # while it is away, so that they come together
        publisher.send(
            [
                Message(topic=topic, body=json.dumps({**alert, "source": "two"}).encode()),
                Message(topic=f"{base_topic}/request/close-incident", body=close),
                Message(topic=topic, body=json.dumps({**alert, "source": "three"}).encode()),
            ]
        )
        wait_until(lambda: not publisher.waiting, "the broker has them")
    start_hearing(daemon)
    wait_until(lambda: count(sqlite_url, "data_alert") == 3, "three alerts")

    sql = "SELECT a.Source, i.Status FROM data_alert a JOIN data_incident i ON i.IncidentGuid = a.IncidentGuid ORDER BY a.Source"
    assert [("one", "CLOSED"), ("three", "CREATED"), ("two", "CLOSED")] == [
        (row["Source"], row["Status"]) for row in query(sqlite_url, sql)
    ]


def test_a_command_that_is_delivered_again_after_a_kill_is_carried_out_once(broker, store_url, make_daemon, base_topic):
    with TcpProxy(broker.port) as proxy, Listener(broker, f"{base_topic}/response/#") as answers:
        daemon = start_hearing(make_daemon(store=store_url, broker=f"mqtt://127.0.0.1:{proxy.port}"))
        proxy.freeze(upstream=True, downstream=False)  # neither the PUBACK nor the answer gets through
        publish(broker, f"{base_topic}/request/create-incident", {**TITLE, "idempotency_key": "k-1", "transaction": 1})
        wait_until(lambda: count(store_url, "data_incident"), "the command is committed")
        daemon.kill()
        proxy.cut()
        proxy.thaw()
        start_hearing(daemon)
        wait_until(lambda: count(store_url, COMMUNICATIONS, "Direction = 'INBOUND'") == 2, "the command comes again")
        first, second = (answer for _, answer in answers.wait_for(2))

    (incident,) = query(store_url, "SELECT IncidentGuid FROM data_incident")
    rows = query(store_url, f"SELECT Metadata FROM {COMMUNICATIONS} WHERE Direction = 'INBOUND' ORDER BY Timestamp")
    assert ["command", "repeated_command"] == [json.loads(row["Metadata"])["reason"] for row in rows]
    assert first == second
    assert incident["IncidentGuid"] == first["data"]["incident_guid"]


def test_a_command_waits_unacknowledged_while_the_database_is_away(broker, own_mariadb, make_daemon, base_topic):
    url = own_mariadb.fresh_database()
    daemon = start_hearing(make_daemon(store=url, broker=broker.url))
    with Listener(broker, f"{base_topic}/response/#") as answers:
        own_mariadb.stop()
        publish(broker, f"{base_topic}/request/create-incident", {**TITLE, "transaction": 1})
        wait_until(lambda: daemon.logged("store_unavailable"), "the daemon has seen that the database is away")
        daemon.kill()  # what it had acknowledged would be gone now
        own_mariadb.start()
        start_hearing(daemon)
        ((_, answer),) = answers.wait_for(1)

    assert ("ok", 1, 1) == (answer["status"], answer["transaction"], count(url, "data_incident"))


def test_what_another_process_changes_is_published_within_a_second(broker, daemon, base_topic, sqlite_url):
    took_s = []
    with (
        Listener(broker, f"{base_topic}/events/#") as events,
        IncidentManager(parse({"store": {"url": sqlite_url}, "mqtt": {"base_topic": base_topic}})) as manager,
    ):
        guid = manager.create_incident("t", "LOW", "P")
        events.wait_for(1)
        for number in range(2, 7):
            manager.add_incident_note(guid, "GENERAL", "n")
            done_at = time.monotonic()
            events.wait_for(number)
            took_s.append(time.monotonic() - done_at)
        command = [sys.executable, "-m", "axion_bus", "close-incident", guid, "--config", str(daemon.config_file)]
        subprocess.run(command, check=True, capture_output=True)
        (*_, (topic, event)) = events.wait_for(7)

    assert median(took_s) < 1.0
    assert (f"{base_topic}/events/incident/closed", guid, "7") == (topic, event["subject"], event["sequence"])
