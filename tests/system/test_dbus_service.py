"""The service of a running daemon on a private bus, as programs and people use it; events are the same over MQTT."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from axion_bus.buses.dbus.values import plain
from tests.chaos import ledger
from tests.chaos.subscriber import Subscriber
from tests.contract.running import until
from tests.gdbus import MANAGER, NAME, ROOT, given
from tests.servers import wait_until

INCIDENT = f"{NAME}.Incident"
DOCUMENTS = Path(__file__).parents[2] / "config" / "dbus"
ALERT = '{"id": "1", "title": "Disk full", "severity": "HIGH", "package": "STORAGE"}'


@pytest.fixture
def subscriber(broker, base_topic):
    """Who hears the events over MQTT."""
    with Subscriber(broker.port, f"{base_topic}/events/#") as subscriber:
        subscriber.wait_until_subscribed(1)
        yield subscriber


def told(party, member):
    """What was told by signals ``member``, as plain values."""
    return [plain(each.body) for each in party.signals if each.member == member]


def path_of(guid):
    return f"{ROOT}/incidents/{guid.replace('-', '')}"


async def test_an_alert_that_is_submitted_opens_an_incident_that_everybody_sees(store_url, serving, gdbus, watcher, subscriber):
    serving(store_url)

    alert = given(gdbus.call("Submit", ALERT))

    await until(lambda: told(watcher, "IncidentCreated"), "a signal")
    wait_until(lambda: subscriber.events, "an event")
    [[guid, incident]], [event] = told(watcher, "IncidentCreated"), subscriber.events
    assert (guid, "Disk full", "1") == (event["subject"], event["data"]["incident"]["title"], event["sequence"])
    assert {
        "title": "Disk full",
        "severity": "HIGH",
        "status": "CREATED",
        "sequence": 1,
        "by": "axion-bus",
    }.items() <= incident.items()
    members = [each.member for each in watcher.signals if each.path == ROOT and each.member != "PropertiesChanged"]
    [[path, interfaces]] = told(watcher, "InterfacesAdded")
    assert ["InterfacesAdded", "IncidentCreated"] == members
    assert (path_of(guid), "Disk full") == (path, interfaces[INCIDENT]["Title"])
    [row] = ledger.query(store_url, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
    assert ("DBUS", ROOT, "RECEIVED", "1", alert) == (
        row["Channel"], row["Recipient"], row["Status"], row["ExternalId"], row["AlertGuid"],
    )  # fmt: skip
    assert os.geteuid() == json.loads(row["Metadata"])["sender"]["uid"]
    sent = "SELECT Channel, Sequence FROM data_incident_communication WHERE Status = 'SENT' ORDER BY Channel"
    wait_until(lambda: len(ledger.query(store_url, sent)) == 2, "both events are settled")
    assert [("DBUS", 1), ("MQTT", 1)] == [tuple(each.values()) for each in ledger.query(store_url, sent)]


async def test_what_is_done_over_dbus_is_seen_everywhere(sqlite_url, serving, gdbus, watcher, subscriber):
    serving(sqlite_url)
    guid = given(gdbus.call("CreateIncident", "{'title': <'Disk full'>, 'severity': <'HIGH'>, 'package': <'STORAGE'>}"))
    await until(lambda: told(watcher, "InterfacesAdded"), "the object as it was created")

    said = gdbus.call(f"{INCIDENT}.Acknowledge", "ada", path=path_of(guid))

    await until(lambda: len(told(watcher, "IncidentChanged")) == 2, "signals")
    changes = [body[1] for body in told(watcher, "PropertiesChanged") if body[0] == INCIDENT]
    assert (0, "()") == (said.code, said.out)
    assert [("status-changed", "INVESTIGATING", "ada"), ("assigned", "INVESTIGATING", "ada")] == [
        (event, incident["status"], incident["by"]) for _, event, incident in told(watcher, "IncidentChanged")
    ]
    assert {"Status": "INVESTIGATING", "AssignedTo": "ada", "Version": 2}.items() <= changes[0].items()
    wait_until(lambda: len(subscriber.events) == 3, "events")
    assert ["created", "status-changed", "assigned"] == [each["type"].split(".")[4] for each in subscriber.events]


async def test_what_is_done_over_mqtt_is_seen_on_dbus(sqlite_url, serving, gdbus, watcher, publish):
    serving(sqlite_url)
    guid = given(gdbus.call("CreateIncident", "{'title': <'Disk full'>, 'severity': <'HIGH'>, 'package': <'STORAGE'>}"))

    publish("request/close-incident", incident_guid=guid, by="bob")

    await until(lambda: told(watcher, "IncidentClosed"), "a signal")
    [[closed, incident]] = told(watcher, "IncidentClosed")
    assert (guid, "CLOSED", "bob") == (closed, incident["status"], incident["by"])
    assert [[path_of(guid), [INCIDENT]]] == told(watcher, "InterfacesRemoved")
    assert "InvalidTransition" in gdbus.call(f"{INCIDENT}.Close", "", "", "ada", path=path_of(guid)).err


def test_the_manager_carries_out_what_the_shell_can(sqlite_url, serving, gdbus):
    serving(sqlite_url)
    first, second = (
        given(gdbus.call("CreateIncident", f"{{'title': <'{title}'>, 'severity': <'LOW'>, 'package': <'P'>}}")) for title in "AB"
    )

    done = [
        gdbus.call("AddNote", first, "GENERAL", "seen", "ada"),
        gdbus.call("LinkAlert", first, "alert-a"),
        gdbus.call("UpdateStatus", first, "MONITORING", "ada"),
        gdbus.call("MergeIncidents", first, second, "ada"),
        gdbus.call("CloseIncident", second, "restarted", "", "ada"),
    ]

    assert [(0, "()")] * 5 == [(each.code, each.out) for each in done]
    assert "'close_reason': <'MERGED'>" in gdbus.call("GetIncident", first).out
    assert 2 == gdbus.call("ListIncidents", "{'status': <'CLOSED'>}").out.count("'incident_guid'")
    notes = ledger.query(sqlite_url, "SELECT NoteType, Content, CreatedBy FROM data_incident_note ORDER BY NoteId")
    assert [("GENERAL", "seen", "ada"), ("RESOLUTION", "restarted", "ada")] == [tuple(each.values()) for each in notes]


def test_a_code_that_reaches_nobody_is_told_by_its_counts(sqlite_url, serving, gdbus):
    serving(sqlite_url)
    guid = given(gdbus.call("CreateIncident", "{'title': <'A'>, 'severity': <'LOW'>, 'package': <'P'>}"))

    said = gdbus.call("Notify", guid, "NOBODY")

    assert "({'sent': <int64 0>, 'failed': <int64 1>, 'pending': <int64 0>},)" == said.out


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("Submit", ['{"title":'], "org.axion.Bus1.Error.Invalid: bad_json"),
        ("Submit", ['{"severity": "HIGH"}'], "org.axion.Bus1.Error.Invalid: missing_field"),
        ("Submit", ["[]"], "org.axion.Bus1.Error.Invalid: "),
        ("GetIncident", ["nothing"], "org.axion.Bus1.Error.NotFound: there is no incident nothing"),
        ("LookupRef", ["REF-20260131-A7K"], "org.axion.Bus1.Error.NotFound"),
        ("CreateIncident", ["{'title': <''>}"], "org.axion.Bus1.Error.Invalid: title"),
        ("CreateIncident", ["{'colour': <'red'>}"], "org.axion.Bus1.Error.Invalid: "),
        ("ListIncidents", ["{'limit': <-1>}"], "org.axion.Bus1.Error.Invalid: limit"),
    ],
)
def test_what_cannot_be_done_is_an_error_and_on_record(sqlite_url, serving, gdbus, method, arguments, error):  # noqa: PLR0917 - three are the table's
    serving(sqlite_url)

    said = gdbus.call(method, *arguments)

    assert error in said.err
    [row] = ledger.query(sqlite_url, "SELECT Status, Channel FROM data_incident_communication")
    assert ("FAILED" if method != "LookupRef" else "RECEIVED", "DBUS") == tuple(row.values())


def test_introspection_shows_what_the_documents_say(sqlite_url, serving, gdbus):
    serving(sqlite_url)
    guid = given(gdbus.call("CreateIncident", "{'title': <'A'>, 'severity': <'LOW'>, 'package': <'P'>}"))
    wait_until(lambda: guid.replace("-", "") in gdbus.introspect(f"{ROOT}/incidents"), "the incident has an object")

    live = {MANAGER: gdbus.introspect(ROOT), INCIDENT: gdbus.introspect(path_of(guid))}

    for name, xml in live.items():
        document = ET.parse(DOCUMENTS / f"{name}.xml").getroot()
        assert members(document, name) == members(ET.fromstring(xml[xml.index("<node") :]), name)


def members(root, name):
    """Everything that an interface has, with its arguments and types."""
    (interface,) = (each for each in root.findall("interface") if each.get("name") == name)
    return [(each.tag, sorted(each.attrib.items()), [sorted(part.attrib.items()) for part in each]) for each in interface]
