"""What the daemon says to its service manager over its life: READY, STATUS, WATCHDOG, RELOADING, STOPPING."""

from __future__ import annotations

import signal
import time

from tests.chaos.scene import start_hearing
from tests.servers import wait_until


def said(daemon, assignment):
    """Its datagrams that have ``assignment``."""
    return [text for text in daemon.notifications if assignment in text.splitlines()]


def test_it_is_ready_once_tells_how_it_is_and_that_it_stops(broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    wait_until(lambda: said(daemon, "STATUS=mqtt connected; store ok; 0 messages held"), "it says that all is well")
    daemon.stop()

    assert (len(said(daemon, "READY=1")), len(said(daemon, "STOPPING=1"))) == (1, 1)
    assert "STOPPING=1" in daemon.notifications[-1]


def test_it_tells_when_the_database_is_away_and_when_it_is_back(broker, own_mariadb, make_daemon):
    daemon = start_hearing(make_daemon(store=own_mariadb.fresh_database(), broker=broker.url))
    own_mariadb.stop()
    wait_until(lambda: "store away" in daemon.notifications[-1], "it says that the database is away")
    own_mariadb.start()

    wait_until(lambda: "store ok" in daemon.notifications[-1], "it says that the database is back")


def test_it_tells_when_the_broker_is_away_and_when_it_is_back(own_broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=own_broker.url))
    own_broker.stop()
    wait_until(lambda: "cannot connect" in daemon.notifications[-1], "it says that the broker is away")
    own_broker.start()

    wait_until(lambda: "mqtt connected" in daemon.notifications[-1], "it says that the broker is back")


def test_its_watchdog_is_fed_through_every_outage(own_broker, own_mariadb, make_daemon):
    """Degraded is not hung: a restart by the manager would mend nothing."""
    store = own_mariadb.fresh_database()
    daemon = start_hearing(make_daemon(store=store, broker=own_broker.url, environment={"WATCHDOG_USEC": "3000000"}))
    own_mariadb.pause()
    own_broker.pause()
    fed = len(said(daemon, "WATCHDOG=1"))

    wait_until(lambda: len(said(daemon, "WATCHDOG=1")) >= fed + 5, "the watchdog is fed five times more")

    own_broker.resume()
    own_mariadb.resume()


def test_without_a_manager_that_asks_for_it_there_is_no_watchdog(broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    wait_until(lambda: said(daemon, "STATUS=mqtt connected; store ok; 0 messages held"), "a second has passed")
    daemon.stop()

    assert said(daemon, "WATCHDOG=1") == []


def test_its_life_is_told_from_the_start_to_the_end(broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, environment={"WATCHDOG_USEC": "3000000"}))
    wait_until(lambda: said(daemon, "WATCHDOG=1"), "the watchdog is fed")
    wait_until(lambda: any(text.startswith("STATUS=") for text in daemon.notifications), "it says how it is")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(said(daemon, "READY=1")) == 2, "ready again")
    daemon.stop()
    words = [text.splitlines()[0].partition("=")[0] for text in daemon.notifications]
    (reloading,) = said(daemon, "RELOADING=1")
    began_us = int(reloading.splitlines()[1].removeprefix("MONOTONIC_USEC="))

    assert ["READY", "RELOADING", "READY", "STOPPING"] == [word for word in words if word in ("READY", "RELOADING", "STOPPING")]
    assert {"STATUS", "WATCHDOG"} <= set(words[words.index("READY") : words.index("RELOADING")])
    assert 0 < time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - began_us < 60_000_000


DOUBLED = " | [@, @][]" * 16
LONG = f"[level]{DOUBLED} | [@]{DOUBLED} | to_string(map(&max(@), @))"
"""A title by way of the greatest of 65 536 numbers, 65 536 times: minutes of work, in no room at all."""


def test_a_loop_that_stands_still_stops_the_watchdog(broker, sqlite_url, make_daemon, publish, base_topic):
    """By a mapping that takes very long to come to the title of one message."""
    sources = f'[[mqtt.sources]]\ntopic = "{base_topic}/alerts/#"\nmapping = {{ title = "{LONG}" }}\n'
    daemon = make_daemon(store=sqlite_url, broker=broker.url, more=sources, environment={"WATCHDOG_USEC": "3000000"})
    start_hearing(daemon)
    wait_until(lambda: said(daemon, "WATCHDOG=1"), "the watchdog is fed")
    publish("alerts/web/api", level=7)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 1.5, "what was on its way has come")
    fed = len(said(daemon, "WATCHDOG=1"))
    wait_until(lambda: time.monotonic() - began > 6, "the watchdog would have been fed three times")

    assert (fed, True) == (len(said(daemon, "WATCHDOG=1")), daemon.is_running)


def test_a_reload_is_announced_and_ended(broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(said(daemon, "READY=1")) == 2, "ready again")

    order = [text.splitlines()[0] for text in daemon.notifications]
    assert [word for word in order if word in ("READY=1", "RELOADING=1")] == ["READY=1", "RELOADING=1", "READY=1"]
