"""G4: an event is SENT only when the broker has taken it, is published until then, and of one incident in order with stable ids."""

from __future__ import annotations

import signal
from threading import Event

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.wire import Kind, Packets
from tests.servers import Mosquitto, TcpProxy, wait_until

pytestmark = pytest.mark.chaos

IMPATIENT = {
    "AXION_BUS__RELAY__ATTEMPT_TIMEOUT_S": "0.5",
    "AXION_BUS__RELAY__LEASE_S": "1",
    "AXION_BUS__RELAY__RETRY_BASE_S": "0.1",
    "AXION_BUS__RELAY__RETRY_MAX_S": "0.5",
}


def attempts(store):
    """(Status, ErrorMessage) of each attempt so far."""
    rows = ledger.query(store, "SELECT Status, ErrorMessage FROM data_incident_communication_attempt ORDER BY AttemptId")
    return [(row["Status"], row["ErrorMessage"]) for row in rows]


def outbound(store):
    """The status of each event's row, and how many have it."""
    counted = "SELECT Status, COUNT(*) AS n FROM data_incident_communication WHERE Direction = 'OUTBOUND' GROUP BY Status"
    return {row["Status"]: row["n"] for row in ledger.query(store, counted)}


class HoldingBack:
    """Observes a connection to the broker; while armed, lets an event through to it, and no acknowledgement back."""

    def __init__(self, proxy, armed):
        self._proxy, self._armed, self._packets = proxy, armed, Packets()

    def upstream(self, data):
        for packet in self._packets.feed(data):
            if packet.kind == Kind.PUBLISH and b"/events/" in packet.body[:256] and self._armed.is_set():
                self._proxy().freeze_at_once(upstream=False)

    def downstream(self, data):
        pass


@pytest.fixture
def between(broker):
    """A proxy before the broker, and what arms its observer."""
    armed = Event()
    with TcpProxy(broker.port, observe=lambda: HoldingBack(lambda: proxy, armed)) as proxy:
        yield proxy, armed


def test_no_event_is_sent_before_the_broker_has_acknowledged_it(broker, between, store_url, make_scene):
    scene = make_scene(broker, store_url)
    proxy, armed = between
    scene.start_daemon(port=proxy.port, environment=IMPATIENT)
    armed.set()
    scene.publisher.send(scene.alerts.singles(50))
    wait_until(lambda: attempts(store_url), "an attempt to publish")
    statuses, errors = set(outbound(store_url)), {error for _, error in attempts(store_url)}
    armed.clear()
    proxy.thaw()

    faults = scene.verdict()

    assert (faults, statuses, errors) == ([], {"PENDING"}, {"the broker did not acknowledge it in time"})


def test_after_a_kill_what_was_not_acknowledged_is_published_again_with_the_same_id(broker, between, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    proxy, armed = between
    daemon = scene.start_daemon(port=proxy.port)
    again = []
    for _ in range(10 if scene.is_long else 2):
        before = len(scene.subscriber.messages)
        armed.set()
        scene.send(50)
        wait_until(lambda n=before: len(scene.subscriber.messages) > n, "an event is heard")
        daemon.kill()
        heard = [event["id"] for event in scene.subscriber.events[before:]]
        armed.clear()
        proxy.cut()
        proxy.thaw()
        daemon.start()
        scene.settle()
        again.append({event["id"] for event in scene.subscriber.events[before + len(heard) :]} >= set(heard[:1]))

    faults = scene.verdict()

    assert (faults, set(again)) == ([], {True})


def test_an_event_that_the_broker_refuses_stays_pending_until_it_is_allowed(tmp_path, sqlite_url, base_topic, make_scene):
    allowed = f"topic readwrite {base_topic}/#\ntopic read $SYS/#\n"
    with Mosquitto(tmp_path, acl=f"{allowed}topic deny {base_topic}/events/#\n") as broker:
        scene = make_scene(broker, sqlite_url)
        scene.start_daemon(environment=IMPATIENT)
        scene.send(50)
        scene.wait_for_accepted(50)
        wait_until(lambda: len(attempts(sqlite_url)) > 2, "attempts to publish")
        refused, rows = set(attempts(sqlite_url)), set(outbound(sqlite_url))
        broker.set_acl(allowed)
        broker.signal(signal.SIGHUP)

        faults = scene.verdict()

    ((status, error),) = refused
    assert (status, "refused the message: Not authorized" in error, rows, faults) == ("FAILED", True, {"PENDING"}, [])


class HoldingEvents:
    """Observes a daemon's connection to the broker: once it was sent an alert, nothing of it gets to the broker any more."""

    def __init__(self, proxy):
        self._proxy, self._packets = proxy, Packets()

    def upstream(self, data):
        pass

    def downstream(self, data):
        if any(packet.kind == Kind.PUBLISH and b"/alerts/" in packet.body[:256] for packet in self._packets.feed(data)):
            self._proxy().freeze_at_once(downstream=False)


def test_no_event_overtakes_one_that_another_daemon_is_publishing(broker, mariadb, make_scene):
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    with TcpProxy(broker.port, observe=lambda: HoldingEvents(lambda: proxy)) as proxy:
        for side, port in (("left", proxy.port), ("right", broker.port)):
            scene.start_daemon(port=port, instance=side, more=f'[[mqtt.sources]]\ntopic = "{scene.base_topic}/alerts/{side}/#"')
        send_to(scene, "left")
        wait_until(lambda: event(store, 1, "LeaseOwner IS NOT NULL"), "left has the first event in hand")
        send_to(scene, "right")
        wait_until(lambda: event(store, 2, "NextAttemptAt <> Timestamp OR Status = 'SENT'"), "right has looked at the second event")
        heard_meanwhile = list(scene.subscriber.seen)
        proxy.thaw()

        faults = scene.verdict()

    assert (faults, heard_meanwhile) == ([], [])


def event(store, sequence, where):
    """Whether there is an event with ``sequence`` that fulfils ``where``."""
    return ledger.count(store, "data_incident_communication", f"Direction = 'OUTBOUND' AND Sequence = %s AND ({where})", sequence)


def send_to(scene, side):
    """Publish an alert that only the daemon ``side`` hears, of the one condition that there is."""
    body = b'{"id":"%s","title":"t","package":"P","severity":"HIGH"}' % side.encode()
    scene.publisher.send([Message(topic=f"{scene.base_topic}/alerts/{side}/P", body=body, ids=(side,))])
