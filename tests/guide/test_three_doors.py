"""The guide's complete example by Python, from the shell and over MQTT, beside a daemon: the same rows, each change published."""

from __future__ import annotations

import ast
import json
import re
import subprocess

import pytest

from axion_bus import IncidentManager
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber
from tests.guide.conftest import BLOCKS
from tests.servers import wait_until
from tests.servers.process import find_program

VERBS = {  # of Python, the shell, the bus; the shell's arguments by position; its names for the others
    "create_incident": ("create-incident", "create-incident", (), {}),
    "notify_incident": ("notify-incident", "notify", ("incident_guid", "notify_code"), {"sent_by": "by"}),
    "update_incident_status": ("update-status", "update-status", ("incident_guid", "new_status"), {"updated_by": "by"}),
    "add_incident_note": ("add-note", "add-note", ("incident_guid",), {"note_type": "type", "created_by": "by"}),
    "close_incident": (
        "close-incident", "close-incident", ("incident_guid",), {"resolution_summary": "resolution", "closed_by": "by"},
    ),
    "generate_incident_report": ("report", "report", ("incident_guid",), {}),
    "email_incident_report": ("email-report", "email-report", ("incident_guid",), {"additional_recipients": "to"}),
}  # fmt: skip

MAIL = """
[channels.email]
host = "127.0.0.1"
port = {port}
starttls = false
from = "axion@example.com"
to = ["ops@example.com"]
"""


def steps():
    """The calls of the example, in order, and what each is given; the incident's guid is left out."""
    for node in ast.walk(ast.parse((BLOCKS / "complete_example.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VERBS:
            given = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg != "incident_guid"}
            yield node.lineno, node.func.attr, given


@pytest.fixture
def daemon(broker, store_url, mailbox, make_daemon):
    return start_hearing(make_daemon(store=store_url, broker=broker.url, more=MAIL.format(port=mailbox.port)))


@pytest.fixture
def by_python(daemon, monkeypatch):
    def run():
        monkeypatch.setenv("AXION_BUS_CONFIG", str(daemon.config_file))
        namespace = {}
        exec(compile((BLOCKS / "complete_example.py").read_text(), "complete_example.py", "exec"), namespace)
        namespace["incident_mgr"].close()
        return namespace["incident_guid"], namespace["report"]

    return run


@pytest.fixture
def by_shell(daemon, shell):
    def call(step, given):
        verb, _, positions, names = VERBS[step]
        options = [each for name in given if name not in positions for each in option(names.get(name, name), given[name])]
        said = shell(verb, *(given[name] for name in positions), *options, "--json", "--config", daemon.config_file)
        assert said.code in (0, 7), said  # 7: not everybody could be told; the example's codes name channels that are not there
        return said.json["data"]

    def option(name, value):
        values = value if isinstance(value, list) else [value]
        return [each for text in values for each in (f"--{name.replace('_', '-')}", text)]

    def run():
        return play(call, "IncidentGuid", {"created_by": "SYSTEM"})

    return run


@pytest.fixture
def by_mqtt(daemon, broker, base_topic):
    def call(step, given):
        topic, answer = f"{base_topic}/request/{VERBS[step][1]}", f"{base_topic}/response/mine"
        client = [find_program("mosquitto_rr", "mosquitto-clients"), "-p", str(broker.port), "-V", "5", "-q", "1", "-W", "30"]
        ran = subprocess.run([*client, "-t", topic, "-e", answer, "-m", json.dumps(given)], capture_output=True, check=True)
        said = json.loads(ran.stdout)
        assert said["status"] == "ok", said
        return said["data"]

    def run():
        return play(call, "incident_guid", {})

    return run


def play(call, guid_name, more):
    """The example, step by step through ``call``; the incident's guid and the report."""
    found, report = None, None
    for _, step, given in sorted(steps(), key=lambda each: each[0]):
        if step == "create_incident":
            found = call(step, {**given})[guid_name]
        elif step == "generate_incident_report":
            report = call(step, {"incident_guid": found, **given})["report"]
        else:
            call(step, {"incident_guid": found, **given})
    return found, report


def rows(config, guid):
    """What the database has of an incident, without what no two can share: guids, references, times."""
    with IncidentManager(config) as manager:
        incident = manager.get_incident(guid)
        notes = sorted((note["NoteType"], note["Content"], note["CreatedBy"]) for note in manager.get_incident_notes(guid))
        told = [row for row in manager.get_incident_communications(guid) if row["Channel"] != "MQTT"]
    names = ("Title", "Severity", "Status", "Package", "Description", "AssignedTo", "CloseReason")
    said = sorted((row["Channel"], row["Recipient"], row["Status"], alike(row["Message"])) for row in told)
    return {name: incident[name] for name in names}, notes, said


def alike(text):
    """``text`` without times, guids, references and counts of what the bus has carried meanwhile."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?", "TIME", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "GUID", text)
    return re.sub(r"REF-\d{8}-\w+", "REF", text).partition("\n")[0]


@pytest.fixture
def doors(by_python, by_shell, by_mqtt):
    return by_python, by_shell, by_mqtt


@pytest.fixture
def subscriber(daemon, broker, base_topic):
    with Subscriber(broker.port, f"{base_topic}/events/#") as subscriber:
        yield subscriber


def test_the_complete_example_leaves_the_same_rows_whichever_way_it_comes(daemon, doors, subscriber, store_url, mailbox):
    (first, report), *others = (run() for run in doors)
    wait_until(lambda: not ledger.count(store_url, "data_incident_communication", "Status = 'PENDING'"), "all is sent")
    wait_until(lambda: len(mailbox.messages) == 15, "each of three sends five mails")
    told = {guid: [event for event in subscriber.events if event.get("subject") == guid] for guid, _ in ((first, 0), *others)}

    expected = rows(daemon.config_file, first)
    assert ("CLOSED", "RESOLVED", "backend-team") == tuple(expected[0][name] for name in ("Status", "CloseReason", "AssignedTo"))
    for guid, other_report in others:
        assert expected == rows(daemon.config_file, guid)
        assert alike(report) == alike(other_report)
    for events in told.values():
        assert [str(number) for number in range(1, len(events) + 1)] == [event["sequence"].lstrip("0") for event in events]
    kinds = [sorted(event["type"] for event in events) for events in told.values()]
    assert kinds[0] == kinds[1] == kinds[2]
    changes = [event["type"].split(".")[-2] for event in told[first] if "communication" not in event["type"]]
    assert ["created", "status-changed", *["note-added"] * 3, "status-changed", *["note-added"] * 2, "closed"] == changes
