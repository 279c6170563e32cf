"""G11: memory stays bounded through a burst and through a database that stands still; the session stays alive meanwhile."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import Alerts, Message
from tests.chaos.scene import what_is_left
from tests.servers import TcpProxy, wait_until

pytestmark = pytest.mark.chaos

LIMIT_KIB = 256 * 1024


@pytest.mark.timeout(3600)
def test_memory_stays_below_its_limit_through_a_burst_and_a_stall_of_the_database(broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(broker, store)
    scene.alerts = Alerts(scene.base_topic, scene.dice, keys=1000)
    alerts, stall_s = (100_000, 600) if scene.is_long else (8_000, 6)
    with TcpProxy(broker.port) as proxy:
        daemon = scene.start_daemon(port=proxy.port)
        scene.send(alerts)
        scene.wait_for_accepted(1000)
        own_mariadb.pause()
        scene.wait(stall_s)
        own_mariadb.resume()

        faults = scene.verdict(timeout_s=900)
        peak_kib = daemon.memory_kib()
        connections = proxy.connections
        daemon.stop()

    assert (faults, connections, what_is_left(broker, daemon)) == ([], 1, (True, []))
    assert peak_kib < LIMIT_KIB


def test_large_messages_are_held_by_their_bytes_and_not_only_by_their_number(broker, own_mariadb, make_scene):
    """They are far fewer than the high-water mark of messages, and more than the memory."""
    store = own_mariadb.fresh_database()
    scene = make_scene(broker, store)
    daemon = scene.start_daemon()
    own_mariadb.pause()
    large = Message(topic=f"{scene.base_topic}/alerts/fleet/P", body=b"x" * 1024 * 1024)
    scene.publisher.send([large] * 240)
    wait_until(lambda: not scene.publisher.waiting, "all published")
    wait_until(lambda: daemon.held >= 30, "the daemon holds what it may")
    own_mariadb.resume()

    wait_until(lambda: ledger.count(store, "data_incident_communication", "Status = 'FAILED'") == 240, "all recorded as too large")

    assert daemon.memory_kib() < LIMIT_KIB
