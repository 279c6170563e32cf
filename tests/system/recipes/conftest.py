"""A broker whose accounts may do what the shipped ACL lets them, a daemon on it, and a host on which a page is followed."""

from __future__ import annotations

import json
import platform
import re
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.readme import README
from tests.recipes import Host, Page
from tests.servers import Daemon, Mosquitto, configuration, wait_until

HERE = platform.node()
PASSWORD = "the-password"
ACCOUNTS = (HERE, "axion-bus", "alertmanager", "collector", "zabbix", "nagios", "telegraf", "home", "sms-gateway", "zigbee2mqtt")
INCIDENTS = "SELECT Title, Severity, Status, Package, IncidentGuid FROM data_incident"
FAULTS = "SELECT Recipient, ErrorMessage FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'FAILED'"
METADATA = "SELECT Metadata FROM data_incident_communication WHERE Direction = 'INBOUND' AND Recipient = %s"
# The lines that pages tell to add, and zigbee2mqtt's own account, which is nobody's to describe here.
MORE_ACL = """
user axion-bus
topic read zigbee2mqtt/#
user home
topic read homeassistant/#
user zigbee2mqtt
topic readwrite zigbee2mqtt/#
"""


def shipped_acl():
    """The ACL, with the lines that it leaves for whom they concern."""
    text = (README.parent / "config" / "mosquitto.acl").read_text()
    return re.sub(r"^#(user|topic) ", r"\1 ", text, flags=re.MULTILINE) + MORE_ACL


@dataclass(frozen=True, slots=True)
class Bus:
    """A daemon and the database that it writes."""

    daemon: Daemon
    url: str

    def incidents(self, **wanted):
        return [row for row in ledger.query(self.url, INCIDENTS) if all(row[name] == value for name, value in wanted.items())]

    def sees(self, **wanted):
        """Wait until one incident is as wanted."""
        found = wait_until(lambda: self.incidents(**wanted), lambda: f"{wanted}; there are {self.incidents()}; {self.faults()}")
        assert len(found) == 1, found
        return found[0]

    def faults(self):
        return ledger.query(self.url, FAULTS)

    def alerts(self):
        return ledger.query(self.url, "SELECT Source, Title, Package, Status, Count, Description, DedupKey FROM data_alert")

    def remarks(self, topic):
        """What was assumed of the messages on ``topic``."""
        told = ledger.query(self.url, METADATA, topic)
        return [remark for row in told for remark in json.loads(row["Metadata"]).get("remarks", ())]


def make_bus(directory, broker, more=""):
    """A daemon that hears ``broker``, under a name of its own: the broker keeps sessions by it."""
    (directory / "mqtt_password").write_text(PASSWORD)
    url = f"sqlite:///{directory}/axion-bus.db"
    account = f'username = "axion-bus"\npassword = {{ file = "{directory}/mqtt_password" }}'
    instance = f"host-{uuid.uuid4().hex[:8]}"
    daemon = Daemon(directory, configuration(store=url, broker=broker.url, instance=instance, mqtt=account, more=more))
    return Bus(start_hearing(daemon), url)


def post(url, body, **headers):
    """The status of the answer."""
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code


@pytest.fixture(scope="package")
def broker(tmp_path_factory):
    with Mosquitto(tmp_path_factory.mktemp("mosquitto"), users=dict.fromkeys(ACCOUNTS, PASSWORD), acl=shipped_acl()) as server:
        yield server


@pytest.fixture(scope="package")
def plain(broker, tmp_path_factory):
    """A daemon without any configuration but its broker's."""
    bus = make_bus(tmp_path_factory.mktemp("plain"), broker)
    yield bus
    bus.daemon.kill()


@pytest.fixture
def host(tmp_path, broker):
    return Host(tmp_path / "host", broker.port)


@pytest.fixture
def configured(tmp_path, broker, host):
    """Starts a daemon with what a page adds to the configuration."""
    started = []

    def start(text):
        started.append(make_bus(tmp_path, broker, host.replaced(text)))
        return started[-1]

    yield start
    for bus in started:
        bus.daemon.kill()


@pytest.fixture
def publish(host):
    """Publishes as an account."""

    def publish(account, topic, payload, *options):
        host.log_in(account)
        host.run(f"mosquitto_pub -q 1 -t '{topic}' -s {' '.join(options)}", stdin=payload)

    return publish


@pytest.fixture
def hook(host):
    """axion-hook as its unit runs it, with the account that the test logs in."""
    host.install("alertmanager")
    command = Page("alertmanager").command("/axion-hook.service")
    with host.running(command.replace("8099", str(host.hook_port)), host.hook_port):
        yield
