"""G3: two daemons hear the same alerts and write to one database; a unique index keeps each key at one open incident."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import CHURN, Alerts

pytestmark = pytest.mark.chaos


def test_two_daemons_that_race_on_few_keys_open_one_incident_for_each(broker, mariadb, make_scene):
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    scene.alerts = Alerts(scene.base_topic, scene.dice, keys=4, hosts=2)
    for instance in ("left", "right"):
        scene.start_daemon(instance=instance, more=CHURN)
    for _ in range(40 if scene.is_long else 6):
        scene.send(250)
        scene.pause(0.3)

    faults = scene.verdict()

    assert faults == []


def test_one_of_two_racing_daemons_is_killed_again_and_again(broker, mariadb, make_scene):
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    scene.alerts = Alerts(scene.base_topic, scene.dice, keys=4, hosts=2)
    faster = {"AXION_BUS__RELAY__ATTEMPT_TIMEOUT_S": "1", "AXION_BUS__RELAY__LEASE_S": "2"}
    left, right = (scene.start_daemon(instance=instance, more=CHURN, environment=faster) for instance in ("left", "right"))
    for _ in range(20 if scene.is_long else 3):
        scene.send(250)
        scene.pause(0.3)
        right.kill()
        right.start()

    faults = scene.verdict()

    assert (left.is_running, faults) == (True, [])


def test_each_daemon_of_two_hears_all_alerts_and_each_is_accepted_once(broker, mariadb, make_scene):
    """What one of them recorded, the other acknowledges without a second row."""
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    for instance in ("left", "right"):
        scene.start_daemon(instance=instance)
    scene.publisher.send(scene.alerts.singles(500))

    faults = scene.verdict()
    rows = ledger.count(store, "data_incident_communication", "Direction = 'INBOUND'")

    assert (faults, rows) == ([], 500)
