"""G3: two daemons write to one database, of the same alerts and of the same keys; unique indexes decide, and the loser links."""

from __future__ import annotations

import json

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import CHURN, Alerts, Message

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
    """Also those that concern no open alert, which the daemons have nothing to wait for each other by."""
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    for instance in ("left", "right"):
        scene.start_daemon(instance=instance)
    scene.publisher.send(scene.alerts.singles(500))
    scene.publisher.send(
        alert(f"{scene.base_topic}/alerts/fleet/P", f"r-{number}", title=f"never fired {number}", status="resolved")
        for number in range(500)
    )

    faults = scene.verdict()
    rows = ledger.count(store, "data_incident_communication", "Direction = 'INBOUND'")

    assert (faults, rows) == ([], 1000)


def test_two_daemons_that_hear_different_hosts_of_the_same_conditions_open_one_incident_for_each(broker, mariadb, make_scene):
    """Each alert is another one, and nobody hears it twice: nothing but the incidents' index stands between them."""
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    for side in ("left", "right"):
        scene.start_daemon(instance=side, more=f'[[mqtt.sources]]\ntopic = "{scene.base_topic}/alerts/{side}/#"')
    keys = 3000 if scene.is_long else 600
    scene.publisher.send(
        alert(f"{scene.base_topic}/alerts/{side}/P", f"{side}-{number}", title=f"condition {number}")
        for number in range(keys)
        for side in ("left", "right")
    )

    faults = scene.verdict()

    assert (faults, ledger.count(store, "data_incident")) == ([], keys)


def alert(topic, id_, *, title, status="firing"):
    """A message with one alert."""
    body = json.dumps({"id": id_, "title": title, "status": status, "severity": "HIGH"}).encode()
    return Message(topic=topic, body=body, ids=(id_,))
