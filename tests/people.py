"""What tests of messages to people share: the channels' secrets, a code for everybody, the outbox, the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.publisher import Publisher
from tests.servers import wait_until

CHANNELS = ("PAGERDUTY", "SLACK", "DISCORD", "SMS", "WHATSAPP", "WEBHOOK", "EMAIL")
SECRETS = {
    "PAGERDUTY": "pd-key-0123456789",
    "SLACK": "xoxb-0123456789",
    "DISCORD": "https://discord.com/api/webhooks/17/discord-token-0123456789",
    "TWILIO": "twilio-token-0123456789",
    "WEBHOOK": "webhook-secret-0123456789",
}


def define(url, code, channels):
    names = "NotifyCode, NotifyName, NotifyChannels"
    ledger.query(url, f"INSERT INTO def_notify ({names}) VALUES (%s, %s, %s)", code, "Wake everybody", channels)


@contextmanager
def publishing(broker, base_topic):
    with Publisher(broker.port) as publisher:

        def publish(topic, **body):
            publisher.send([Message(topic=f"{base_topic}/{topic}", body=json.dumps(body).encode())])

        yield publish


def messages(url):
    """What goes to people: the bus has events and answers beside it."""
    return ledger.query(url, "SELECT * FROM data_incident_communication WHERE Direction = 'OUTBOUND' AND Channel <> 'MQTT'")


def wait_until_sent(url, number):
    def sent():
        return [row for row in messages(url) if row["Status"] == "SENT"]

    wait_until(lambda: len(sent()) >= number, lambda: f"{number} messages sent; sent are {len(sent())}")


def axion_bus(daemon, *arguments):
    """What the command line says."""
    command = [sys.executable, "-m", "axion_bus", *arguments, "--config", str(daemon.config_file), "--json"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **SECRETS})
    return json.loads(said.stdout)["data"]
