"""What is on the bus is what docs/asyncapi.json says: every message of a daemon that is kept busy, on its topic and in its form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from axion_bus.domain import topics
from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.publisher import Publisher
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber
from tests.json_schema import faults
from tests.servers import wait_until
from tests.system.asking import ask, publish

DOCUMENT = json.loads(Path(__file__).parents[2].joinpath("docs/asyncapi.json").read_text("utf-8"))
MORE = """
[notify]
created = "DISPLAY"
[channels.mqtt]
to = ["oncall"]
"""
ALERT = b'{"id":"1","title":"API slow","severity":"HIGH","package":"WEBAPI"}'
RESOLVE = b'{"id":"2","title":"API slow","package":"WEBAPI","status":"resolved"}'


def channel_of(topic, base_topic):
    """The channel's name; a topic that stands in the document as it is goes before one with parameters."""
    found = [
        name
        for name, channel in DOCUMENT["channels"].items()
        if topics.matches(re.sub(r"\{[a-z]+\}", "+", channel["address"].replace("axion", base_topic, 1)), topic)
    ]
    assert found, f"{topic} is no channel of the document"
    return found[0]


def faults_of(message, base_topic):
    channel = channel_of(message.topic, base_topic)
    (reference,) = DOCUMENT["channels"][channel]["messages"].values()
    told = DOCUMENT["components"]["messages"][reference["$ref"].rpartition("/")[2]]
    is_json = told["contentType"] != "text/plain"
    if not message.payload:
        return []  # a retained message that is taken away
    return faults(told["payload"], json.loads(message.payload) if is_json else message.payload.decode(), DOCUMENT)


@pytest.fixture
def busy(broker, sqlite_url, make_daemon, base_topic):
    """The messages of a daemon to which one of everything was done."""
    with Subscriber(broker.port, f"{base_topic}/#") as subscriber, Publisher(broker.port) as publisher:
        daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=MORE))
        code = "INSERT INTO def_notify (NotifyCode, NotifyName, NotifyChannels) VALUES ('DISPLAY', 'Show it', 'MQTT')"
        ledger.query(sqlite_url, code)
        for body in (ALERT, RESOLVE):
            publisher.send([Message(topic=f"{base_topic}/alerts/web/api", body=body)])
        wait_until(lambda: ledger.count(sqlite_url, "data_incident", "Status = 'MONITORING'"), "the incident is over")
        publish(broker, f"{base_topic}/inbound/sms", {"from": "+1", "message": "hello", "external_id": "7"})
        (row,) = ledger.query(sqlite_url, "SELECT IncidentGuid FROM data_incident")
        guid = {"incident_guid": row["IncidentGuid"], "by": "ada"}
        asked = [
            ("acknowledge", guid),
            ("assign", guid | {"assigned_to": "bob"}),
            ("add-note", guid | {"note_type": "GENERAL", "content": "a leak"}),
            ("get-incident", guid),
            ("update-status", guid | {"new_status": "CREATED"}),
            ("close-incident", guid),
            ("list-incidents", {}),
            ("nonsense", {}),
        ]
        for verb, body in asked:
            ask(broker, base_topic, verb, body, answer_topic=f"{base_topic}/response/{verb if verb != 'nonsense' else 'unknown'}")
        quiet = "Status = 'PENDING'"
        wait_until(lambda: not ledger.count(sqlite_url, "data_incident_communication", quiet), "everything is sent")
        daemon.stop()
        wait_until(lambda: subscriber.messages[-1].payload == b"offline", "the daemon's last word")
        yield subscriber.messages


def test_everything_that_is_published_is_in_the_document_and_as_it_says(busy, base_topic):
    told = [(message.topic, faults_of(message, base_topic)) for message in busy if not message.topic.endswith("/request/nonsense")]

    assert [] == [(topic, wrong) for topic, wrong in told if wrong]


def test_one_of_almost_everything_was_there(busy, base_topic):
    seen = {channel_of(message.topic, base_topic) for message in busy if not message.topic.endswith("/request/nonsense")}

    assert seen >= {
        "alerts",
        "inbound",
        "incidentCreated",
        "incidentStatusChanged",
        "incidentAssigned",
        "incidentNoteAdded",
        "incidentClosed",
        "alertResolved",
        "incidentState",
        "summary",
        "instanceState",
        "instanceInfo",
        "notify",
        "requestAcknowledge",
        "responseAcknowledge",
        "requestUpdateStatus",
        "responseUpdateStatus",
        "responseUnknown",
    }
