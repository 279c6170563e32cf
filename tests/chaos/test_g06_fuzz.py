"""G6: thousands of payloads that nobody thought of, and packets that no library sends; the daemon lives and takes what is next."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from axion_bus.domain.communication import Fault, Reason
from tests.chaos import ledger, wire
from tests.chaos.alerts import Message
from tests.chaos.scene import start_hearing
from tests.servers import wait_until
from tests.servers.scripted_broker import ScriptedBroker

pytestmark = pytest.mark.chaos

MEMORY_LIMIT_KIB = 256 * 1024

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=600)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4), max_leaves=12
)
_fields = ("title", "summary", "severity", "status", "source", "package", "labels", "dedup_key", "alert_guid", "occurred_at")
_alerts = st.dictionaries(st.sampled_from((*_fields, "alerts", "specversion", "data", "type")), _values, min_size=1)
_as_json = (_values | _alerts | st.lists(_alerts, max_size=3)).map(lambda value: json.dumps(value, ensure_ascii=False))
_encoded = _as_json.map(lambda text: text.encode("utf-8", "surrogatepass"))
_cut = st.builds(lambda body, at: body[: at % (len(body) + 1)], _encoded, st.integers(min_value=0))
_bytes = st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
payloads = _bytes | _encoded | _cut


def random_payloads(number, dice):
    """That many bodies of every kind: a tenth of them made up, the others broken pieces of those."""
    found = []

    @seed(dice.randrange(1 << 32))
    @settings(
        max_examples=number // 10, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(payloads)
    def collect(body):
        found.append(body)

    collect()
    return found + [broken(dice.choice(found), dice) for _ in range(number - len(found))]


def broken(body, dice):
    """``body`` with some bytes lost, doubled or replaced."""
    data = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(data))
        data[at : at + dice.randint(0, 3)] = dice.choice((dice.randbytes(dice.randint(0, 3)), b'"', b"{", b"[", b"\\u", data[:at]))
    return bytes(data)


def rows(store):
    """The inbound rows as (topic, status, reason, has raw bytes or an alert)."""
    found = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
    return [
        (row["Recipient"], row["Status"], ledger.metadata(row)["reason"], row["Raw"] is not None or row["AlertGuid"] is not None)
        for row in found
    ]


def test_thousands_of_random_payloads_each_leave_a_row_and_the_daemon_lives(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    daemon = scene.start_daemon()
    pid = daemon.pid
    bodies = random_payloads(50_000 if scene.is_long else 3_000, scene.dice)
    topics = [f"{scene.base_topic}/alerts/fuzz/{number}" for number in range(len(bodies))]
    scene.publisher.send(Message(topic=topic, body=body) for topic, body in zip(topics, bodies, strict=True))
    scene.publisher.send(scene.alerts.singles(1))
    scene.wait_for_accepted(1)
    found = rows(store_url)

    assert {topic for topic, *_ in found} >= set(topics)
    assert {(status, reason) for _, status, reason, _ in found} <= {
        *(("RECEIVED", reason.value) for reason in Reason),
        *(("FAILED", fault.value) for fault in Fault if fault is not Fault.INTERNAL),
    }
    assert (True, pid) == (daemon.is_running, daemon.pid)
    assert daemon.memory_kib() < MEMORY_LIMIT_KIB


def properties(*pairs):
    """User Properties of MQTT 5 as bytes."""
    return b"".join(b"\x26" + wire.text(name) + wire.text(value) for name, value in pairs)


ODDITIES = {
    "a thousand user properties": properties(*((f"name{number}", "v" * 50) for number in range(1000))),
    "a user property of 60,000 bytes": properties(("name", "v" * 60_000)),
    "a content type that is none": b"\x03" + wire.text("/;;charset=\u202e"),
    "bytes declared to be text": b"\x01\x01",
    "a response topic and correlation data": b"\x08" + wire.text("axion/x") + b"\x09" + wire.text(b"\xff" * 1000),
    "a message that expires in a minute": b"\x02\x00\x00\x00\x3c",
    "a cloud event in properties without its type": properties(("specversion", "1.0"), ("id", "1")),
}


def test_whatever_properties_a_message_has_it_leaves_a_row_and_the_next_one_is_accepted(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    scene.start_daemon()
    prefix = f"{scene.base_topic}/alerts/odd/"
    odd = [
        wire.publish(prefix + name, b'{"title":"odd"}', mid=mid, properties=with_properties)
        for mid, (name, with_properties) in enumerate(ODDITIES.items(), start=1)
    ]
    good = wire.publish(f"{prefix}good", b'{"title":"good","id":"good"}', mid=100)
    with socket.create_connection(("127.0.0.1", broker.port), timeout=30) as connection:
        connection.sendall(wire.connect("odd", keeps_session=False) + b"".join(odd) + good)
        scene.wait_for_accepted(1)

    assert [(prefix + name, True) for name in (*ODDITIES, "good")] == [
        (topic, is_kept) for topic, _, _, is_kept in rows(sqlite_url)
    ]


async def test_a_topic_that_is_not_utf8_leaves_a_row_is_acknowledged_and_the_next_message_is_accepted(sqlite_url, make_daemon):
    """No real broker lets such a topic pass."""
    acked = []

    async def deliver(visit):
        await visit.accept()
        await visit.grant()
        good = wire.publish("axion/alerts/fleet/P", b'{"title":"good","id":"good"}', mid=2)
        visit.send(wire.publish(b"axion/alerts/\xff\xfe/P", b'{"title":"bad"}', mid=1), good)
        while True:
            packet = await visit.next()
            visit.answer(packet)
            acked.extend([wire.mid_of(packet)] if packet.kind == wire.Kind.PUBACK else [])

    async with ScriptedBroker(deliver) as broker:
        daemon = make_daemon(store=sqlite_url, broker=broker.url, base_topic="axion")
        await asyncio.to_thread(start_hearing, daemon)
        await asyncio.to_thread(wait_until, lambda: len(acked) == 2, "both messages acknowledged")
        code = await asyncio.to_thread(daemon.stop)

    assert (acked, code) == ([1, 2], 0)
    assert rows(sqlite_url) == [
        ("axion/alerts/\\xff\\xfe/P", "FAILED", "bad_topic", True),
        ("axion/alerts/fleet/P", "RECEIVED", "below_create_at", True),
    ]
