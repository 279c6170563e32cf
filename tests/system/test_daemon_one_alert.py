"""The daemon in fair weather: one alert on a real broker becomes one incident, whatever the protocol, the store, the transport."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.publisher import Publisher
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber, retained
from tests.servers import Mosquitto, wait_until
from tests.servers.process import find_program

ALERT = b'{"id":"1","title":"API slow","severity":"HIGH","package":"WEBAPI"}'


@pytest.mark.parametrize("protocol", [5, 4])
def test_one_alert_makes_one_incident_one_link_its_rows_and_one_event(broker, store_url, make_daemon, base_topic, protocol):
    daemon = start_hearing(make_daemon(store=store_url, broker=broker.url, mqtt=f"protocol = {protocol}"))
    with Publisher(broker.port) as publisher, Subscriber(broker.port, f"{base_topic}/events/#") as subscriber:
        publisher.send([Message(topic=f"{base_topic}/alerts/web/api", body=ALERT)])
        wait_until(lambda: subscriber.messages, "an event")
        wait_until(lambda: not ledger.count(store_url, "data_incident_communication", "Status = 'PENDING'"), "the event is settled")
        (event,) = subscriber.messages
    code = daemon.stop()

    (incident,) = ledger.query(store_url, "SELECT * FROM data_incident")
    (alert,) = ledger.query(store_url, "SELECT * FROM data_alert")
    (link,) = ledger.query(store_url, "SELECT * FROM data_incident_alert")
    (inbound,) = ledger.query(store_url, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
    (outbound,) = ledger.query(store_url, "SELECT * FROM data_incident_communication WHERE Direction = 'OUTBOUND'")
    (attempt,) = ledger.query(store_url, "SELECT * FROM data_incident_communication_attempt")
    told = json.loads(event.payload)
    assert code == 0
    assert (incident["Title"], incident["Severity"], incident["Status"]) == ("API slow", "HIGH", "CREATED")
    assert (alert["Source"], alert["Package"], alert["Count"], alert["Status"]) == ("web", "WEBAPI", 1, "FIRING")
    assert (link["IncidentGuid"], link["AlertGuid"]) == (incident["IncidentGuid"], alert["AlertGuid"])
    assert (inbound["Status"], inbound["ExternalId"], inbound["Message"]) == ("RECEIVED", "1", ALERT.decode())
    assert (outbound["Status"], outbound["Sequence"], outbound["Recipient"]) == ("SENT", 1, event.topic)
    assert (attempt["CommunicationGuid"], attempt["Status"]) == (outbound["CommunicationGuid"], "SENT")
    assert (event.topic, told["id"]) == (f"{base_topic}/events/incident/created", outbound["CommunicationGuid"])
    assert (told["subject"], told["data"]["reference"]) == (incident["IncidentGuid"], outbound["ShortRef"])


def test_an_open_incident_a_summary_and_the_instance_are_shown_retained(broker, sqlite_url, make_daemon, base_topic):
    start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    with Publisher(broker.port) as publisher:
        publisher.send([Message(topic=f"{base_topic}/alerts/web/api", body=ALERT)])
        wait_until(lambda: retained(broker.port, f"{base_topic}/incidents/#"), "the incident is shown")
        summary = f"{base_topic}/summary"
        wait_until(lambda: b"HIGH" in retained(broker.port, summary).get(summary, b""), "the summary counts it")
    shown = {topic.removeprefix(f"{base_topic}/"): body for topic, body in retained(broker.port, f"{base_topic}/#").items()}

    (guid,) = (row["IncidentGuid"] for row in ledger.query(sqlite_url, "SELECT IncidentGuid FROM data_incident"))
    assert sorted(shown) == [f"incidents/{guid}/state", "instances/test/info", "instances/test/state", "summary"]
    assert json.loads(shown[f"incidents/{guid}/state"])["status"] == "CREATED"
    assert json.loads(shown["summary"]) == {"status": {"CREATED": 1}, "severity": {"HIGH": 1}, "package": {"WEBAPI": 1}}
    assert shown["instances/test/state"] == b"online"


def test_a_resolve_moves_the_incident_to_monitoring(broker, store_url, make_daemon, base_topic):
    start_hearing(make_daemon(store=store_url, broker=broker.url))
    topic = f"{base_topic}/alerts/web/api"
    resolve = b'{"id":"2","title":"API slow","package":"WEBAPI","status":"resolved"}'
    with Publisher(broker.port) as publisher, Subscriber(broker.port, f"{base_topic}/events/incident/#") as subscriber:
        publisher.send([Message(topic=topic, body=ALERT), Message(topic=topic, body=resolve)])
        wait_until(lambda: len(subscriber.messages) > 1, "two events")
        types = [event["type"] for event in subscriber.events]

    (incident,) = ledger.query(store_url, "SELECT Status FROM data_incident")
    assert incident["Status"] == "MONITORING"
    assert types == ["org.axion.bus.incident.created.v1", "org.axion.bus.incident.status-changed.v1"]


def test_over_tls_with_a_password_an_alert_arrives(tmp_path, sqlite_url, make_daemon, base_topic):
    with Mosquitto(tmp_path, tls=True, users={"axion-bus": "secret", "probe": "other"}) as broker:
        lines = f"""\
username = "axion-bus"
password = {{ env = "MQTT_PASSWORD" }}
tls = {{ ca_file = "{broker.ca_file}" }}"""
        daemon = make_daemon(store=sqlite_url, broker=broker.url, mqtt=lines, environment={"MQTT_PASSWORD": "secret"})
        start_hearing(daemon)
        send = ["-h", "localhost", "-p", str(broker.port), "--cafile", str(broker.ca_file), "-u", "probe", "-P", "other"]
        publish = [find_program("mosquitto_pub", "mosquitto-clients"), *send, "-q", "1", "-t", f"{base_topic}/alerts/web/api"]
        subprocess.run([*publish, "-m", ALERT.decode()], check=True, capture_output=True)
        wait_until(lambda: ledger.count(sqlite_url, "data_incident"), "the incident")

    assert "secret" not in daemon.log.read_text()


def test_a_wrong_password_is_told_and_ends_nothing(tmp_path, sqlite_url, make_daemon):
    with Mosquitto(tmp_path, users={"axion-bus": "secret"}) as broker:
        lines = 'username = "axion-bus"\npassword = { env = "MQTT_PASSWORD" }'
        daemon = make_daemon(store=sqlite_url, broker=broker.url, mqtt=lines, environment={"MQTT_PASSWORD": "wrong"}).start()
        (first, *_) = wait_until(lambda: daemon.logged("broker_away"), "the daemon tells that it is refused")
        is_up = daemon.is_running
        code = daemon.stop()

    assert ("Not authorized" in first["error"] or "Bad user name" in first["error"], is_up, code) == (True, True, 0)
