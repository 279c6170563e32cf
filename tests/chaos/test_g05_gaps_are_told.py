"""G5: what the broker has lost is told, by one row and one line in the log for each gap, and never passed over."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.servers import Mosquitto, TcpProxy, wait_until

pytestmark = pytest.mark.chaos


def gaps(store):
    """The reason of each FAILED row that came in."""
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'FAILED'")
    return [ledger.metadata(row)["reason"] for row in rows]


def lines(daemon):
    """The reason of each gap in the daemon's log."""
    return [line["reason"] for line in daemon.logged("gap")]


def lose_sessions(broker):
    """Start ``broker`` again, without what it knew."""
    broker.stop()
    broker.forget()
    broker.start()


def wait_until_let_in(broker, daemon):
    """Wait until ``broker``, which has lost all sessions, has one for ``daemon``."""
    # mosquitto's own log is the only witness: whoever asked with this client id would put the daemon out
    wait_until(lambda: f" as {daemon.client_id} (" in broker.log.read_text().rpartition(" starting")[2], "a new session")


@pytest.fixture
def small_broker(tmp_path_factory):
    """A broker that drops what a client has not taken beyond 10 messages, and says how many it dropped."""
    with Mosquitto(
        tmp_path_factory.mktemp("mosquitto"), max_queued_messages=10, sys_interval=1, lines=["max_inflight_messages 10"]
    ) as server:
        yield server


def test_a_session_that_the_broker_lost_is_one_row_and_one_line(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    lose_sessions(own_broker)
    wait_until(lambda: gaps(sqlite_url), "a row that tells of the gap")
    wait_until(lambda: len(daemon.logged("broker_connected")) > 1, "the daemon is connected again")

    daemon.stop()

    assert (gaps(sqlite_url), lines(daemon)) == (["session_lost"], ["session_lost"])


def test_a_session_lost_while_the_daemon_was_away_is_told_at_its_next_start(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    wait_until(lambda: ledger.count(sqlite_url, "data_ingest_slot", "SubscribedAt IS NOT NULL"), "the session is remembered")
    daemon.kill()
    lose_sessions(own_broker)
    start_hearing(daemon)
    wait_until(lambda: gaps(sqlite_url), "a row that tells of the gap")

    daemon.stop()

    assert (gaps(sqlite_url), lines(daemon)) == (["session_lost"], ["session_lost"])


def test_a_session_that_was_kept_is_no_gap(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    own_broker.restart()
    wait_until(lambda: len(daemon.logged("broker_connected")) > 1, "the daemon is connected again")

    daemon.stop()

    assert (gaps(sqlite_url), lines(daemon)) == ([], [])


def test_a_daemon_killed_before_it_heard_that_the_session_was_lost_leaves_that_to_the_next(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    scene.start_daemon().stop()
    lose_sessions(own_broker)
    with TcpProxy(own_broker.port) as proxy:
        proxy.freeze(upstream=False)
        deaf = scene.daemon(port=proxy.port)
        deaf.start()
        wait_until_let_in(own_broker, deaf)
        deaf.kill()

    daemon = scene.start_daemon()
    wait_until(lambda: gaps(sqlite_url), "a row that tells of the gap")
    daemon.stop()

    assert (gaps(sqlite_url), lines(daemon)) == (["session_unsure"], ["session_unsure"])


def test_a_gap_told_while_the_database_stands_still_is_on_record_after_the_next_start(own_broker, own_mariadb, make_scene):
    store = own_mariadb.fresh_database()
    scene = make_scene(own_broker, store)
    scene.start_daemon().stop()
    lose_sessions(own_broker)
    with TcpProxy(own_broker.port) as proxy:
        proxy.freeze(upstream=False)
        unheard = scene.daemon(port=proxy.port)
        unheard.start()
        wait_until_let_in(own_broker, unheard)
        own_mariadb.pause()
        proxy.thaw()
        wait_until(lambda: lines(unheard), "the gap is in the log")
        unheard.stop()
    own_mariadb.resume()

    daemon = scene.start_daemon()
    wait_until(lambda: gaps(store), "a row that tells of the gap")
    daemon.stop()

    assert gaps(store) == ["session_unsure"]


@pytest.mark.parametrize("is_frozen", [True, False], ids=["frozen", "away"])
def test_what_the_broker_drops_because_the_daemon_does_not_take_it_is_told(small_broker, sqlite_url, make_scene, is_frozen):
    scene = make_scene(small_broker, sqlite_url)
    daemon = scene.start_daemon()
    wait_until(lambda: ledger.count(sqlite_url, "data_ingest_slot", "BrokerDropped IS NOT NULL"), "the broker's count is known")
    if is_frozen:
        daemon.pause()
    else:
        daemon.stop()
    # a frozen one's Receive Maximum lets the broker send 2,000 before it queues any
    scene.publisher.send(scene.alerts.singles(3_000 if is_frozen else 100))
    wait_until(lambda: not scene.publisher.waiting, "all published")
    if is_frozen:
        daemon.resume()
    else:
        daemon.start()

    wait_until(lambda: gaps(sqlite_url), "a row that tells of the gap")

    assert (set(gaps(sqlite_url)), set(lines(daemon))) == ({"broker_dropped"}, {"broker_dropped"})
