"""G5: what the broker has lost is told, by one row and one line in the log for each gap, and never passed over."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.servers import Mosquitto, wait_until

pytestmark = pytest.mark.chaos


def gaps(store):
    """The reason of each FAILED row that came in."""
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'FAILED'")
    return [ledger.metadata(row)["reason"] for row in rows]


def lines(daemon):
    """The reason of each gap in the daemon's log."""
    return [line["reason"] for line in daemon.logged("gap")]


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
    own_broker.stop()
    own_broker.forget()
    own_broker.start()
    wait_until(lambda: gaps(sqlite_url), "a row that tells of the gap")
    wait_until(lambda: len(daemon.logged("broker_connected")) > 1, "the daemon is connected again")

    daemon.stop()

    assert (gaps(sqlite_url), lines(daemon)) == (["session_lost"], ["session_lost"])


def test_a_session_lost_while_the_daemon_was_away_is_told_at_its_next_start(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    wait_until(lambda: ledger.count(sqlite_url, "data_ingest_slot", "SubscribedAt IS NOT NULL"), "the session is remembered")
    daemon.kill()
    own_broker.stop()
    own_broker.forget()
    own_broker.start()
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
