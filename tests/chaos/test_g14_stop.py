"""G14: SIGTERM ends the daemon with 0 within 10 s, whatever stands still around it; nothing is lost, and the session is kept."""

from __future__ import annotations

import time

import pytest

from tests.chaos.alerts import CHURN
from tests.chaos.scene import what_is_left
from tests.servers import TcpProxy, wait_until

pytestmark = pytest.mark.chaos

LIMIT_S = 10.0


def stopped(daemon):
    """Its exit code, and whether it ended in time."""
    began = time.monotonic()
    code = daemon.stop()
    return code, time.monotonic() - began < LIMIT_S


def test_a_daemon_stopped_again_and_again_under_load_loses_nothing(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    daemon = scene.start_daemon(more=CHURN)
    ends = set()
    for _ in range(20 if scene.is_long else 2):
        scene.send(500)
        scene.pause(0.3)
        ends.add(stopped(daemon))
        daemon.start()

    faults = scene.verdict()
    ends.add(stopped(daemon))

    assert (faults, ends, what_is_left(broker, daemon)) == ([], {(0, True)}, (True, []))


def test_a_daemon_stops_in_time_while_the_database_stands_still(broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(broker, store)
    daemon = scene.start_daemon()
    scene.send(500)
    scene.wait_for_accepted(50)
    own_mariadb.pause()
    scene.publisher.send(scene.alerts.singles(500))
    wait_until(lambda: daemon.held >= 500, lambda: f"500 messages held; it holds {daemon.held}")
    end = stopped(daemon)
    own_mariadb.resume()
    is_kept, unacknowledged = what_is_left(broker, daemon)
    daemon.start()

    faults = scene.verdict()

    assert (end, is_kept, len(unacknowledged) >= 500, faults) == ((0, True), True, True, [])


def test_a_daemon_stops_in_time_while_the_broker_stands_still(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    scene.send(500)
    scene.wait_for_accepted(50)
    own_broker.pause()
    end = stopped(daemon)
    own_broker.resume()
    daemon.start()

    faults = scene.verdict()
    daemon.stop()

    assert (end, faults, what_is_left(own_broker, daemon)) == ((0, True), [], (True, []))


def test_a_daemon_stops_in_time_while_everything_stands_still(own_broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(own_broker, store)
    daemon = scene.start_daemon()
    scene.send(500)
    scene.wait_for_accepted(50)
    own_mariadb.pause()
    own_broker.pause()
    end = stopped(daemon)
    own_broker.resume()
    own_mariadb.resume()
    daemon.start()

    faults = scene.verdict()

    assert (end, faults) == ((0, True), [])


def test_a_daemon_stops_in_time_while_it_connects_to_a_broker_that_says_nothing(broker, sqlite_url, stage):
    with TcpProxy(broker.port) as proxy:
        proxy.freeze()
        daemon = stage.make_daemon(store=sqlite_url, broker=f"mqtt://127.0.0.1:{proxy.port}").start()
        wait_until(lambda: proxy.connections, "the daemon connects")

        end = stopped(daemon)

    assert end == (0, True)


def test_a_daemon_stops_in_time_while_it_waits_for_its_database(broker, own_mariadb, stage):
    store = own_mariadb.fresh_database()
    own_mariadb.stop()
    daemon = stage.make_daemon(store=store, broker=broker.url).spawn()
    wait_until(lambda: daemon.logged("waiting_for_store"), "the daemon waits for its database")

    end = stopped(daemon)

    assert end == (0, True)
