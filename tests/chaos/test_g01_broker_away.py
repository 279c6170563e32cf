"""G1: the broker is stopped and started in order under load, or the network between it and the daemon fails."""

from __future__ import annotations

import pytest

from tests.chaos.alerts import CHURN
from tests.chaos.scene import what_is_left
from tests.chaos.witness import Witness
from tests.servers import TcpProxy, wait_until

pytestmark = pytest.mark.chaos


def test_a_broker_that_restarts_in_order_under_load_loses_nothing(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon(more=CHURN)
    for _ in range(15 if scene.is_long else 3):
        scene.send(500)
        scene.pause(0.5)
        own_broker.restart()

    faults = scene.verdict()
    daemon.stop()

    assert (faults, what_is_left(own_broker, daemon)) == ([], (True, []))


def test_a_network_that_fails_in_every_way_between_daemon_and_broker_loses_nothing(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    witness = Witness(sqlite_url)
    with TcpProxy(broker.port, observe=witness) as proxy:
        daemon = scene.start_daemon(port=proxy.port, more=CHURN)
        freezes = [proxy.freeze, lambda: proxy.freeze(upstream=False), lambda: proxy.freeze(downstream=False), None]
        for freeze in freezes * 3 if scene.is_long else freezes[:2]:
            scene.send(200)
            scene.pause(0.2)
            if freeze:
                freeze()
                scene.pause(0.5)
            connected = len(daemon.logged("broker_connected"))
            proxy.cut()
            proxy.thaw()
            # the daemon waits longer each time, a minute at most, when connections do not last
            wait_until(lambda n=connected: len(daemon.logged("broker_connected")) > n, "the daemon is connected again", 90)

        faults = scene.verdict()
        daemon.stop()

    assert (faults, witness.faults, what_is_left(broker, daemon)) == ([], [], (True, []))


@pytest.mark.timeout(900)
def test_a_half_open_connection_to_the_broker_is_given_up_and_made_anew(broker, sqlite_url, make_scene):
    """Silence, without an end: in the long form until the daemon itself notices, in the short one while it connects."""
    scene = make_scene(broker, sqlite_url)
    with TcpProxy(broker.port) as proxy:
        daemon = scene.start_daemon(port=proxy.port)
        proxy.freeze()
        if not scene.is_long:
            proxy.cut()
        scene.send(100)
        tries = proxy.connections
        wait_until(lambda: proxy.connections > tries, "the daemon connects again", timeout_s=300)
        wait_until(lambda: daemon.logged("broker_away"), "the daemon gives up", timeout_s=300)
        proxy.thaw()

        faults = scene.verdict()

    assert faults == []
