"""The shipped broker configuration, in a mosquitto as Debian sets it up; only paths and the port are put elsewhere."""

from __future__ import annotations

import getpass
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from axion_bus.buses.client import leave
from axion_bus.buses.mqtt import DROPPED_TOPIC
from tests.servers.process import Process, can_connect, find_program, free_port, wait_until

CONFIG = Path(__file__).parents[2] / "config"
ACCOUNTS = ("axion-bus", "operator", "web", "anything")
ANYTHING = "\nuser anything\ntopic readwrite #\n"  # not shipped: the account by which tests write what others may read or not
TOPICS = {
    "alert": "axion/alerts/web/api",
    "another's alert": "axion/alerts/db/api",
    "request": "axion/request/close-incident",
    "reply": "axion/inbound/sms",
    "event": "axion/events/incident/created",
    "state": "axion/incidents/0190/state",
    "summary": "axion/summary",
    "instance": "axion/instances/one/state",
    "response": "axion/response/close-incident",
    "else": "elsewhere",
}
PUBLISHED = ["event", "state", "summary", "instance"]
AS_ROOT = "Warning: Mosquitto should not be run as root/administrator."  # the tests' doing, where root runs them
MORE_THAN_MOSQUITTO_KEEPS_BY_DEFAULT = 1500


class ShippedMosquitto(Process):
    """``config/mosquitto.conf`` as a part of the main file that Debian 12's package installs."""

    name = "mosquitto"

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()
        self.database = directory / "mosquitto.db"
        parts = directory / "conf.d"
        parts.mkdir()
        (directory / "axion-bus.acl").write_text((CONFIG / "mosquitto.acl").read_text() + ANYTHING)
        (directory / "axion-bus.acl").chmod(0o600)
        (directory / "axion-bus.passwd").touch(0o600)
        for account in ACCOUNTS:
            command = [find_program("mosquitto_passwd", "mosquitto"), "-b", "axion-bus.passwd", account, account]
            subprocess.run(command, cwd=directory, check=True, capture_output=True)
        shipped = (CONFIG / "mosquitto.conf").read_text()
        placed = shipped.replace("listener 1883 ", f"listener {self.port} ").replace(" /etc/mosquitto/", f" {directory}/")
        (parts / "axion-bus.conf").write_text(placed)
        (directory / "mosquitto.conf").write_text(
            f"pid_file {directory}/mosquitto.pid\n"
            f"user {getpass.getuser()}\n"  # as root it would change to a user that may not read our directory
            "persistence true\n"
            f"persistence_location {directory}/\n"
            "log_dest stderr\n"
            f"include_dir {parts}\n"
        )

    def command(self):
        return find_program("mosquitto", "mosquitto"), "-c", str(self.directory / "mosquitto.conf")

    def is_ready(self):
        return can_connect(self.port)


class Account(Client):
    """A client of its own thread, logged in; ``heard`` has the topics of what it got."""

    def __init__(self, broker, name, *, session="", manual_ack=False):
        super().__init__(
            CallbackAPIVersion.VERSION2,
            session,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        if name:
            self.username_pw_set(name, name)
        self.heard = []
        self.connected = None
        self.subscribed = False
        self.is_thrown_out = False
        self.reason = {}
        self.on_connect = lambda client, data, flags, reason, properties: setattr(self, "connected", (reason, flags))
        self.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self.on_disconnect = lambda *_: setattr(self, "is_thrown_out", True)
        self.on_publish = lambda client, data, mid, reason, properties: self.reason.update({mid: str(reason)})
        self.on_message = lambda client, data, message: self.heard.append(message.topic)
        keep = Properties(PacketTypes.CONNECT)
        keep.SessionExpiryInterval = 3600 if session else 0
        self.connect("127.0.0.1", broker.port, clean_start=not session, properties=keep)

    def __enter__(self):
        self.loop_start()
        wait_until(lambda: self.connected, "an answer to CONNECT")
        return self

    def __exit__(self, *exc):
        leave(self)

    def hear(self, *filters):
        self.subscribe([(each, 1) for each in filters])
        wait_until(lambda: self.subscribed, "the subscription")

    def write_many(self, topic, count):
        last = [self.publish(topic, str(number), qos=1).mid for number in range(count)][-1]
        wait_until(lambda: last in self.reason, "the last PUBACK")

    def write(self, topic):
        mid = self.publish(topic, "x", qos=1).mid
        return wait_until(lambda: self.reason.get(mid), "an answer to PUBLISH")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedMosquitto(tmp_path_factory.mktemp("shipped")) as broker:
        yield broker


@pytest.fixture
def own_shipped(tmp_path):
    with ShippedMosquitto(tmp_path) as broker:
        yield broker


def test_mosquitto_starts_with_it_and_warns_only_of_what_the_file_announces(shipped):
    lines = [line.partition(": ")[2] for line in shipped.log.read_text().splitlines()]
    warnings = {line for line in lines if line.startswith(("Warning", "Error"))} - {AS_ROOT}
    announced = ("axion/events/#", "axion/incidents/#", "axion/summary", "axion/instances/#")

    assert {f"Warning: ACL pattern '{pattern}' does not contain '%c' or '%u'." for pattern in announced} == warnings


def test_nobody_gets_in_without_an_account(shipped):
    with Account(shipped, None) as client:
        reason, _ = client.connected

    assert str(reason) == "Not authorized"


@pytest.mark.parametrize(
    ("account", "allowed"),
    [
        ("axion-bus", [*PUBLISHED, "response"]),
        ("operator", ["request"]),
        ("web", ["alert"]),
    ],
)
def test_an_account_writes_what_its_role_needs_and_nothing_else(shipped, account, allowed):
    with Account(shipped, account) as client:
        refused = "Not authorized"
        written = [name for name, topic in TOPICS.items() if client.write(topic) != refused]

    assert written == allowed


@pytest.mark.parametrize(
    ("account", "allowed"),
    [
        ("axion-bus", ["alert", "another's alert", "request", "reply", *PUBLISHED]),
        ("operator", [*PUBLISHED, "response"]),
        ("web", PUBLISHED),
    ],
)
def test_an_account_reads_what_its_role_needs_and_nothing_else(shipped, account, allowed):
    with Account(shipped, account) as reader, Account(shipped, "anything") as writer:
        reader.hear("#")
        for topic in (*TOPICS.values(), "axion/events/end"):
            writer.write(topic)
        wait_until(lambda: "axion/events/end" in reader.heard, "the last message")

    assert [*(TOPICS[name] for name in allowed), "axion/events/end"] == reader.heard


def test_the_daemon_hears_how_many_messages_were_dropped(shipped):
    with Account(shipped, "axion-bus") as daemon:
        daemon.hear(DROPPED_TOPIC)
        heard = wait_until(lambda: daemon.heard, "a count of dropped messages")

    assert heard == [DROPPED_TOPIC]


def test_what_waits_for_a_stopped_daemon_outlives_a_killed_broker(own_shipped):
    with Account(own_shipped, "axion-bus", session="daemon") as daemon:
        daemon.hear("axion/alerts/#")
    with Account(own_shipped, "web") as publisher:
        publisher.write_many("axion/alerts/web/api", MORE_THAN_MOSQUITTO_KEEPS_BY_DEFAULT)
    written_at = time.time()
    wait_until(lambda: own_shipped.database.exists() and own_shipped.database.stat().st_mtime > written_at, "a save")
    own_shipped.kill()
    own_shipped.start()
    with Account(own_shipped, "axion-bus", session="daemon") as daemon:
        wait_until(lambda: len(daemon.heard) >= MORE_THAN_MOSQUITTO_KEEPS_BY_DEFAULT, lambda: f"{len(daemon.heard)} messages")
        _, flags = daemon.connected

    assert (flags.session_present, len(daemon.heard)) == (True, MORE_THAN_MOSQUITTO_KEEPS_BY_DEFAULT)


def test_a_transaction_full_of_messages_is_on_the_way_unacknowledged(shipped):
    with Account(shipped, "axion-bus", manual_ack=True) as daemon, Account(shipped, "web") as publisher:
        daemon.hear("axion/alerts/#")
        publisher.write_many("axion/alerts/web/api", 1000)
        wait_until(lambda: len(daemon.heard) >= 1000, lambda: f"only {len(daemon.heard)} messages came")

    assert len(daemon.heard) == 1000


@pytest.mark.parametrize(("size", "outcome"), [(512 * 1024, "written"), (2 * 1024 * 1024, "thrown out")])
def test_who_sends_far_too_much_is_thrown_out(shipped, size, outcome):
    with Account(shipped, "web") as publisher:
        mid = publisher.publish("axion/alerts/web/api", b"x" * size, qos=1).mid
        wait_until(lambda: mid in publisher.reason or publisher.is_thrown_out, "an answer")

    assert ("written" if mid in publisher.reason else "thrown out") == outcome
