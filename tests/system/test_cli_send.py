"""``axion-bus send``: what reaches a real broker, and what is said when it does not."""

from __future__ import annotations

import json
import queue
import socket

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from axion_bus.buses.client import leave
from tests.chaos.scene import start_hearing
from tests.servers import Mosquitto, wait_until


class Subscriber:
    """Hears everything below ``base_topic``."""

    def __init__(self, broker, base_topic):
        self._heard = queue.SimpleQueue()
        self._is_subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: setattr(self, "_is_subscribed", True)
        self._client.on_message = lambda client, data, message: self._heard.put(message)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe(f"{base_topic}/#", qos=2)
        wait_until(lambda: self._is_subscribed, "the subscription")

    def next(self):
        """The next message: its topic, its content, its QoS, whether it is retained."""
        message = self._heard.get(timeout=10)
        return message.topic, json.loads(message.payload), message.qos, message.retain

    def close(self):
        leave(self._client)


@pytest.fixture
def send(shell, broker, base_topic):
    shell.set("AXION_BUS__MQTT__URL", broker.url)
    shell.set("AXION_BUS__MQTT__BASE_TOPIC", base_topic)
    shell.set("AXION_BUS__INSTANCE__NAME", "north")
    return lambda *arguments, **options: shell("send", *arguments, **options)


@pytest.fixture
def subscriber(broker, base_topic):
    subscriber = Subscriber(broker, base_topic)
    yield subscriber
    subscriber.close()


def test_the_least_that_can_be_said(send, subscriber, base_topic):
    said = send("API slow")
    topic, alert, qos, retained = subscriber.next()

    assert (f"{base_topic}/alerts/north", 1, False) == (topic, qos, retained)
    expected = {"source": "north", "title": "API slow", "severity": "HIGH", "status": "firing"}
    assert expected == {name: value for name, value in alert.items() if name not in ("id", "occurred_at")}
    assert (0, f"{topic} {alert['id']}\n", "") == (said.code, said.out, said.err)


def test_everything_that_can_be_said(send, subscriber, base_topic):
    options = "--severity critical --package WEBAPI --source web --resolve --dedup-key k --id e-1 --label env=prod --label a=b=c"
    send("API slow", *options.split())
    topic, alert, _, _ = subscriber.next()

    del alert["occurred_at"]
    assert f"{base_topic}/alerts/web/WEBAPI" == topic
    assert alert == {
        "id": "e-1",
        "source": "web",
        "title": "API slow",
        "severity": "CRITICAL",
        "package": "WEBAPI",
        "status": "resolved",
        "dedup_key": "k",
        "labels": {"env": "prod", "a": "b=c"},
    }


def test_json_says_where_it_went_and_whether_anybody_heard(send, subscriber, base_topic):
    said = send("API slow", "--topic", f"{base_topic}/elsewhere", "--id", "e-1", "--json")

    assert {"topic": f"{base_topic}/elsewhere", "id": "e-1", "heard": True} == said.json["data"]


def test_that_nobody_listens_is_noted_beside_the_result(send, base_topic):
    said = send("API slow", "--json")

    assert (0, False) == (said.code, said.json["data"]["heard"])
    assert f"note: nobody is subscribed to {base_topic}/alerts/north; is 'axion-bus run' running?\n" == said.err


def test_the_title_comes_from_stdin_where_a_dash_stands(send, subscriber):
    send("-", stdin="Überlast \N{FIRE}\n".encode())

    assert "Überlast \N{FIRE}" == subscriber.next()[1]["title"]


@pytest.mark.parametrize("stdin", [b"", b" \n", b"\xff"])
def test_an_empty_or_unreadable_title_is_a_usage_error(send, stdin):
    assert 2 == send("-", stdin=stdin).code


@pytest.mark.parametrize(
    "arguments",
    [
        ("--source", "a/b"),
        ("--package", ""),
        ("--topic", "a/#"),
        ("--label", "x"),
        ("--label", "=x"),
        ("--severity", "BAD"),
        ("--source", "+"),
    ],
)
def test_what_makes_no_topic_or_label_is_a_usage_error(send, arguments):
    said = send("API slow", *arguments)

    assert (2, "") == (said.code, said.out)


@pytest.mark.parametrize("protocol", ["4", "5"])
def test_both_versions_of_the_protocol_are_spoken(shell, send, subscriber, protocol):
    shell.set("AXION_BUS__MQTT__PROTOCOL", protocol)

    assert 0 == send("API slow").code
    assert "API slow" == subscriber.next()[1]["title"]


def test_a_broker_that_is_away_is_5_with_a_hint_and_no_traceback(shell, send):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    shell.set("AXION_BUS__MQTT__URL", f"mqtt://127.0.0.1:{port}")
    said = send("API slow")

    expected = [
        f"axion-bus: cannot connect to mqtt://127.0.0.1:{port}: Connection refused",
        "hint: is the broker running? 'axion-bus config show' shows which [mqtt] is in force",
    ]
    assert (5, "", expected) == (said.code, said.out, said.err.splitlines())


def test_a_broker_that_wants_a_password_is_told_it_from_its_file(shell, send, tmp_path):
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "broker").mkdir()
    with Mosquitto(tmp_path / "broker", users={"web": "hunter2"}) as broker:
        shell.set("AXION_BUS__MQTT__URL", broker.url)
        refused = send("API slow")
        shell.set("AXION_BUS__MQTT__USERNAME", "web")
        shell.set("AXION_BUS__MQTT__PASSWORD", f'{{ file = "{tmp_path}/password" }}')
        accepted = send("API slow")

    assert (5, True) == (refused.code, "refused the connection: Not authorized" in refused.err)
    assert (0, False) == (accepted.code, "hunter2" in accepted.out + accepted.err)


def test_a_topic_that_the_broker_forbids_is_1_and_names_it(shell, send, tmp_path):
    (tmp_path / "broker").mkdir()
    with Mosquitto(tmp_path / "broker", acl="topic readwrite allowed/#\n") as broker:
        shell.set("AXION_BUS__MQTT__URL", broker.url)
        said = send("API slow", "--topic", "forbidden/x")

    assert (1, f"axion-bus: {broker.url} refused the message on forbidden/x: Not authorized") == (
        said.code,
        said.err.splitlines()[0],
    )


def test_what_it_sends_is_accepted_by_the_daemon(shell, broker, base_topic, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    sent = shell("send", "API slow", "--package", "WEBAPI", "--config", daemon.config_file)
    listed = wait_until(
        lambda: shell("list-incidents", "--json", "--config", daemon.config_file).json["data"], "an incident", every_s=0.2
    )
    daemon.stop()

    assert ("", ["API slow"]) == (sent.err, [incident["Title"] for incident in listed])
