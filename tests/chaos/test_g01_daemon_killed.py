"""G1: the daemon is killed with -9 at random moments under load, again and again; nothing is lost and nothing comes twice."""

from __future__ import annotations

import pytest

from tests.chaos.alerts import CHURN
from tests.chaos.scene import what_is_left

pytestmark = pytest.mark.chaos


def test_a_daemon_killed_at_random_moments_accepts_each_alert_once(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    alerts, kills = (20_000, 25) if scene.is_long else (3_000, 5)
    daemon = scene.start_daemon(more=CHURN)
    for number in range(kills):
        scene.send(alerts // kills)
        scene.pause(0.3)
        daemon.kill()
        daemon.spawn()
        if number % 4:  # the others die while they start
            daemon.wait_ready()
    daemon.wait_ready()

    faults = scene.verdict()
    code = daemon.stop()

    assert (faults, code, what_is_left(broker, daemon)) == ([], 0, (True, []))
