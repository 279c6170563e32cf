"""G14: SIGHUP puts a good file in force, and for a faulty one leaves the old one; accepting goes on and the session is kept."""

from __future__ import annotations

import signal

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import CHURN, Message
from tests.chaos.scene import what_is_left
from tests.servers import wait_until

pytestmark = pytest.mark.chaos

LOW_OPENS = '\n[correlation]\ncreate_at = "LOW"\n'


def reload(daemon, config):
    """Give it ``config`` and wait until it says that it is ready again; what it then says."""
    before = len(daemon.notifications)
    daemon.config_file.write_text(config)
    daemon.signal(signal.SIGHUP)

    def answers():
        return [said for said in daemon.notifications[before:] if "READY=1" in said]

    wait_until(answers, "the daemon is ready again")
    return answers()[0]


def send_low(scene, name):
    """Publish an alert of severity LOW."""
    body = b'{"title":"%s","severity":"LOW","id":"%s"}' % (name.encode(), name.encode())
    scene.publisher.send([Message(topic=f"{scene.base_topic}/alerts/fleet/P", body=body, ids=(name,))])


def reasons(store):
    """Why each alert had the effect that it had."""
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
    return {row["ExternalId"]: ledger.metadata(row)["reason"] for row in rows if row["Channel"] == "MQTT"}


def refusals(store):
    """What the audit stream says of configurations that were refused."""
    return ledger.query(store, "SELECT * FROM data_incident_communication WHERE Channel = 'CONFIGURATION'")


def test_a_good_file_is_in_force_after_a_reload(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    daemon = scene.start_daemon()
    send_low(scene, "before")
    scene.wait_for_accepted(1)
    pid = daemon.pid
    reload(daemon, daemon.config_file.read_text() + LOW_OPENS)
    send_low(scene, "after")

    faults = scene.verdict()

    assert (faults, reasons(sqlite_url), daemon.pid) == ([], {"before": "below_create_at", "after": "opened"}, pid)


def test_a_faulty_file_leaves_the_old_one_in_force_and_is_named(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    daemon = scene.start_daemon()
    answer = reload(daemon, daemon.config_file.read_text() + '\n[correlation]\ncreate_at = "LOUD"\n[nonsense]\n')
    send_low(scene, "after")

    faults = scene.verdict()
    (refusal,) = daemon.logged("reload_refused")
    (row,) = refusals(sqlite_url)

    assert (faults, reasons(sqlite_url)) == ([], {"after": "below_create_at"})
    assert "the old one is in force" in answer
    assert ("FAILED", "reload_refused") == (row["Status"], ledger.metadata(row)["reason"])
    assert ("correlation.create_at" in row["ErrorMessage"], "nonsense" in row["ErrorMessage"]) == (True, True)
    assert ("correlation.create_at" in refusal["error"], "nonsense" in refusal["error"]) == (True, True)


def test_a_daemon_that_reloads_again_and_again_under_load_loses_nothing(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    daemon = scene.start_daemon(more=CHURN)
    good = daemon.config_file.read_text()
    for _ in range(10 if scene.is_long else 1):
        for config in (good + LOW_OPENS, "this is no TOML", good):
            scene.send(200)
            scene.pause(0.2)
            reload(daemon, config)

    faults = scene.verdict()
    code = daemon.stop()

    assert (faults, code, what_is_left(broker, daemon)) == ([], 0, (True, []))


def test_signals_that_come_all_at_once_end_in_the_last_stop(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    daemon = scene.start_daemon()
    scene.send(300)
    for _ in range(5):
        daemon.signal(signal.SIGHUP)
    code = daemon.stop()
    daemon.start()

    faults = scene.verdict()
    daemon.stop()

    assert (code, faults, what_is_left(broker, daemon)) == (0, [], (True, []))
