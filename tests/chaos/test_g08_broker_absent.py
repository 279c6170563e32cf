"""G8: the daemon starts without the broker and stays up; after a reconnect it hears, and what it shows on the bus is whole."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing, what_is_left
from tests.chaos.subscriber import retained
from tests.servers import Mosquitto, wait_until

pytestmark = pytest.mark.chaos


@pytest.fixture
def absent_broker(tmp_path_factory):
    """A broker that the test starts."""
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield server
    if server.is_running:
        server.stop()


def wait_until_connected(daemon, times, timeout_s=60.0):
    """Wait until the daemon has connected that often in all."""
    wait_until(lambda: len(daemon.logged("broker_connected")) >= times, f"the daemon is connected, time {times}", timeout_s)


def found(broker, base_topic):
    """What is retained below the base topic."""
    return sorted(retained(broker.port, f"{base_topic}/#").items())


def test_a_daemon_that_starts_before_its_broker_is_ready_and_accepts_as_soon_as_it_is_there(
    absent_broker, sqlite_url, stage, make_scene
):
    daemon = stage.make_daemon(store=sqlite_url, broker=absent_broker.url).start()
    wait_until(lambda: daemon.logged("broker_away"), "the daemon found no broker")
    absent_broker.start()
    scene = make_scene(absent_broker, sqlite_url)
    wait_until_connected(daemon, 1)
    scene.send(50)

    faults = scene.verdict()

    assert faults == []


def test_a_daemon_whose_session_is_lost_subscribes_again_and_hears(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    for times in (2, 3):
        own_broker.stop()
        own_broker.forget()
        own_broker.start()
        wait_until_connected(daemon, times)
        scene.subscriber.wait_until_subscribed(times)
        scene.send(50)
        scene.settle()

    faults = [fault for fault in scene.verdict() if "session_lost" not in fault]

    assert faults == []


def test_a_reader_that_was_held_back_hears_again_after_a_reconnect(own_broker, own_mariadb, make_scene):
    """The broker restarts while the daemon reads nothing, because the database stands still and too much is held."""
    store = own_mariadb.fresh_database()
    scene = make_scene(own_broker, store)
    daemon = scene.start_daemon(more="[intake]\nhigh_water = 50\nbatch_size = 10")
    own_mariadb.pause()
    scene.publisher.send(scene.alerts.singles(500))
    wait_until(lambda: daemon.held >= 50, "the daemon holds 50 messages")
    own_broker.restart()
    own_mariadb.resume()

    faults = scene.verdict()
    daemon.stop()

    assert (faults, what_is_left(own_broker, daemon)) == ([], (True, []))


def test_after_a_broker_lost_everything_the_retained_state_is_whole_again(own_broker, sqlite_url, make_scene):
    scene = make_scene(own_broker, sqlite_url)
    daemon = scene.start_daemon()
    scene.send(300)
    assert scene.verdict() == []
    before = found(own_broker, scene.base_topic)
    open_ones = ledger.count(sqlite_url, "data_incident", "Status <> 'CLOSED'")
    own_broker.stop()
    own_broker.forget()
    own_broker.start()
    wait_until_connected(daemon, 2)

    wait_until(lambda: found(own_broker, scene.base_topic) == before, "the retained state is as before")

    topics = [topic.removeprefix(f"{scene.base_topic}/") for topic, _ in before]
    assert topics[-3:] == ["instances/test/info", "instances/test/state", "summary"]
    assert len(topics) - 3 == open_ones > 10


def test_the_instance_is_shown_offline_when_it_is_killed_or_stopped_and_online_when_it_runs(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    topic = f"{scene.base_topic}/instances/test/state"

    def wait_for(state):
        wait_until(lambda: retained(broker.port, topic) == {topic: state}, f"the instance is shown {state.decode()}")

    daemon = scene.start_daemon()
    wait_for(b"online")
    daemon.kill()
    wait_for(b"offline")
    start_hearing(daemon)
    wait_for(b"online")
    daemon.stop()
    wait_for(b"offline")
