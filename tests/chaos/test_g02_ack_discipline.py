"""G2: nothing is acknowledged before it is accepted, acks go in order, and none of an older connection is sent on a newer one."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.chaos.alerts import CHURN
from tests.chaos.witness import Witness
from tests.servers import TcpProxy, wait_until

pytestmark = pytest.mark.chaos


@contextmanager
def locked(server, store):
    """Nobody can read or write an alert meanwhile; all other tables are free."""
    with server.connect(store.rpartition("/")[2]) as cursor:
        cursor.execute("LOCK TABLES data_alert WRITE")
        yield
        cursor.execute("UNLOCK TABLES")


@contextmanager
def frozen(server):
    """The process is stopped meanwhile."""
    server.pause()
    yield
    server.resume()


def wait_until_it_holds(daemon, number):
    """Wait until the daemon says that it has ``number`` messages which it has not acknowledged."""
    wait_until(lambda: daemon.held == number, lambda: f"{number} messages held; it holds {daemon.held}")


def test_at_the_moment_of_each_acknowledgement_the_row_is_committed(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    witness = Witness(store_url)
    with TcpProxy(broker.port, observe=witness) as proxy:
        scene.start_daemon(port=proxy.port, more=CHURN)
        scene.send(20_000 if scene.is_long else 2_000)

        faults = scene.verdict()

    assert (faults, witness.faults, set(witness.acked)) == ([], [], scene.publisher.published)


def test_while_a_database_server_stands_still_nothing_is_acknowledged(broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(broker, store)
    witness = Witness()
    with TcpProxy(broker.port, observe=witness) as proxy:
        daemon = scene.start_daemon(port=proxy.port)
        with frozen(own_mariadb):
            scene.publisher.send(scene.alerts.singles(50))
            wait_until_it_holds(daemon, 50)
            acked_meanwhile = list(witness.acked)

        faults = scene.verdict()

    assert (faults, acked_meanwhile, set(witness.acked)) == ([], [], scene.publisher.published)


def test_an_acknowledgement_of_an_older_connection_is_dropped(own_broker, mariadb, make_scene):
    """The broker forgets the session while messages wait for the database: what it sends next has the same numbers as they."""
    store = mariadb.fresh_database()
    scene = make_scene(own_broker, store)
    witness = Witness(store)
    with TcpProxy(own_broker.port, observe=witness) as proxy:
        daemon = scene.start_daemon(port=proxy.port)
        with locked(mariadb, store):
            scene.publisher.send(scene.alerts.singles(20))
            wait_until_it_holds(daemon, 20)
            own_broker.stop()
            own_broker.forget()
            own_broker.start()
            wait_until(lambda: len(daemon.logged("broker_connected")) > 1, "the daemon is connected again")
            scene.subscriber.wait_until_subscribed(2)
            scene.publisher.send(scene.alerts.singles(20))
            wait_until_it_holds(daemon, 40)
            acked_meanwhile = list(witness.acked)

        faults = [fault for fault in scene.verdict() if "session_lost" not in fault]

    assert (faults, witness.faults, acked_meanwhile) == ([], [], [])
