"""The life of a daemon that serves on D-Bus: without a bus, with one that goes, without a database, through a reload and a stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber
from tests.gdbus import given
from tests.servers import wait_until

ALERT = '{"id": "1", "title": "Disk full", "severity": "HIGH", "package": "STORAGE"}'


@pytest.fixture
def subscriber(broker, base_topic):
    """Who hears the events over MQTT."""
    with Subscriber(broker.port, f"{base_topic}/events/#") as subscriber:
        subscriber.wait_until_subscribed(1)
        yield subscriber


def test_a_daemon_starts_without_a_bus_and_joins_it_when_it_is_there(sqlite_url, dbus, broker, make_daemon, gdbus):
    dbus.stop()
    daemon = make_daemon(store=sqlite_url, broker=broker.url, more=f"[dbus]\nbus = {json.dumps(dbus.address)}\n")
    start_hearing(daemon)
    wait_until(lambda: any("dbus cannot connect" in each for each in daemon.notifications), "the status tells of it")

    dbus.start()

    wait_until(lambda: any("dbus connected" in each for each in daemon.notifications), "it is on the bus")
    assert 0 == gdbus.call("Submit", ALERT).code
    assert 0 == daemon.stop()


def test_a_bus_that_is_away_does_not_hold_up_the_other(sqlite_url, dbus, serving, publish, subscriber):
    daemon = serving(sqlite_url)
    dbus.kill()

    publish("alerts/db/main", title="Database down", severity="HIGH")

    wait_until(lambda: subscriber.events, "an event over MQTT")
    waiting = "Channel = 'DBUS' AND Status = 'PENDING'"
    assert 1 == ledger.count(sqlite_url, "data_incident_communication", waiting)
    dbus.start()
    wait_until(lambda: not ledger.count(sqlite_url, "data_incident_communication", waiting), "it is told on D-Bus")
    assert 0 == daemon.stop()


def test_without_dbus_nothing_is_queued_for_it(sqlite_url, broker, make_daemon, publish):
    start_hearing(make_daemon(store=sqlite_url, broker=broker.url))

    publish("alerts/db/main", title="Database down", severity="HIGH")

    wait_until(lambda: ledger.count(sqlite_url, "data_incident_communication", "Direction = 'OUTBOUND'"), "an event")
    assert 0 == ledger.count(sqlite_url, "data_incident_communication", "Channel = 'DBUS'")


@pytest.mark.timeout(120)
def test_while_the_database_is_away_calls_are_answered_busy_and_recorded_when_it_is_back(own_mariadb, serving, gdbus):
    url = own_mariadb.fresh_database()
    serving(url)
    own_mariadb.kill()

    said = gdbus.call("Submit", ALERT)

    assert "org.axion.Bus1.Error.Busy" in said.err
    own_mariadb.start()
    wait_until(lambda: ledger.count(url, "data_alert"), "it is recorded all the same")
    again = gdbus.call("Submit", ALERT)
    [alert] = ledger.query(url, "SELECT AlertGuid, Count FROM data_alert")
    assert (given(again), 1) == (alert["AlertGuid"], alert["Count"])


def test_after_a_reload_the_service_is_there_again(sqlite_url, serving, gdbus):
    daemon = serving(sqlite_url)
    pid = daemon.pid

    daemon.signal(signal.SIGHUP)

    wait_until(lambda: len(daemon.logged("dbus_connected")) == 2, "it is on the bus again")
    assert (0, pid) == (gdbus.call("Submit", ALERT).code, daemon.pid)


def test_a_call_that_a_stop_overtakes_is_not_left_waiting(own_mariadb, serving, gdbus):
    daemon = serving(own_mariadb.fresh_database())
    own_mariadb.pause()
    with gdbus.calling("Submit", ALERT) as calling:
        wait_until(lambda: daemon.held, "the daemon has the call")

        code = daemon.stop()

        said = calling.communicate(timeout=10)
    own_mariadb.resume()
    assert (0, True) == (code, b"NoReply" in said[1] or b"disconnected" in said[1])


def test_its_watchdog_is_fed_while_the_bus_stands_still(sqlite_url, dbus, serving):
    daemon = serving(sqlite_url, environment={"WATCHDOG_USEC": "3000000"})
    dbus.freeze()
    fed = daemon.notifications.count("WATCHDOG=1")

    wait_until(lambda: daemon.notifications.count("WATCHDOG=1") >= fed + 5, "the watchdog is fed five times more")

    dbus.resume()


def test_without_dbus_its_library_is_not_even_loaded():
    script = "import sys, axion_bus.daemon, axion_bus.manager; sys.exit('dbus_next' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", script], check=False).returncode
