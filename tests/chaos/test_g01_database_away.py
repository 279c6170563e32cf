"""G1: the database is killed under load, or the network between it and the daemon fails; messages wait at the broker."""

from __future__ import annotations

from threading import Event

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import CHURN, Message
from tests.chaos.scene import what_is_left
from tests.chaos.witness import Witness
from tests.servers import TcpProxy, wait_until

pytestmark = pytest.mark.chaos


def wait_until_it_cannot_write(scene, daemon):
    """Send alerts, and wait until the daemon says once more that it cannot write what it holds."""
    before = len(daemon.logged("store_unavailable"))
    scene.send(100)
    wait_until(lambda: len(daemon.logged("store_unavailable")) > before, "the daemon says that it cannot write", every_s=0.05)


def test_while_the_database_is_down_nothing_is_acknowledged_and_then_everything_is_accepted(broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(broker, store)
    witness = Witness(store)
    with TcpProxy(broker.port, observe=witness) as proxy:
        daemon = scene.start_daemon(port=proxy.port, more=CHURN)
        acked_meanwhile = []
        for _ in range(10 if scene.is_long else 2):
            scene.send(500)
            scene.pause(0.3)
            own_mariadb.kill()
            wait_until_it_cannot_write(scene, daemon)
            before = len(witness.acked)
            wait_until_it_cannot_write(scene, daemon)
            acked_meanwhile += witness.acked[before:]
            own_mariadb.start()
            witness.look_again()

        faults = scene.verdict()
        daemon.stop()

    assert (faults, witness.faults, acked_meanwhile, what_is_left(broker, daemon)) == ([], [], [], (True, []))


class CommitWatch:
    """Sees one connection to MariaDB; while armed, lets a COMMIT of accepted alerts through to the server and no answer back."""

    def __init__(self, proxy, armed, sprung):
        self._proxy, self._armed, self._sprung = proxy, armed, sprung
        self._has_accepted = False

    def upstream(self, data):
        self._has_accepted = self._has_accepted or b"'INBOUND'" in data
        if not data.endswith(b"\x03COMMIT"):
            return
        if self._has_accepted and self._armed.is_set():
            self._armed.clear()
            self._proxy().freeze_at_once(upstream=False)
            self._sprung.set()
        self._has_accepted = False

    def downstream(self, data):
        pass


def test_a_commit_whose_answer_is_lost_is_not_done_twice(broker, mariadb, make_scene):
    """Without ids: it is not the (source, id) index that keeps them apart."""
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    armed, sprung = Event(), Event()
    cuts, each = (20, 50) if scene.is_long else (4, 50)
    with TcpProxy(mariadb.port, observe=lambda: CommitWatch(lambda: proxy, armed, sprung)) as proxy:
        scene.start_daemon(store=store.replace(str(mariadb.port), str(proxy.port)))
        for cut in range(cuts):
            armed.set()
            scene.publisher.send(
                Message(topic=f"{scene.base_topic}/alerts/fleet/P", body=b'{"title":"t%d","severity":"HIGH"}' % (number % 10 + cut))
                for number in range(each)
            )
            assert sprung.wait(30)
            sprung.clear()
            proxy.cut()
            proxy.thaw()
        where = "Direction = 'INBOUND'"
        wait_until(lambda: ledger.count(store, "data_incident_communication", where) >= cuts * each, "all alerts accepted")

        faults = scene.verdict()
        rows = ledger.count(store, "data_incident_communication", where)

    assert (faults, rows) == ([], cuts * each)


def test_a_network_that_fails_in_every_way_between_daemon_and_database_loses_nothing(broker, mariadb, make_scene):
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    with TcpProxy(mariadb.port) as proxy:
        daemon = scene.start_daemon(
            store=store.replace(str(mariadb.port), str(proxy.port)), more=CHURN, environment={"AXION_BUS__STORE__TIMEOUT_S": "1"}
        )
        for _ in range(10 if scene.is_long else 1):
            for fail in (proxy.cut, proxy.refuse, proxy.freeze, lambda: proxy.freeze(upstream=False)):
                scene.send(100)
                scene.pause(0.2)
                fail()
                if fail == proxy.cut:
                    continue
                wait_until_it_cannot_write(scene, daemon)
                proxy.thaw()
                if fail == proxy.refuse:
                    proxy.accept()

        faults = scene.verdict()
        daemon.stop()

    assert (faults, what_is_left(broker, daemon)) == ([], (True, []))
