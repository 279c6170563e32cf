"""G1: the daemon is killed in the middle of its work, at the n-th sync of a file or the n-th message to a server."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing

import apsw
import pytest

from tests.chaos.alerts import CHURN
from tests.chaos.scene import what_is_left
from tests.servers.process import find_program

pytestmark = pytest.mark.chaos


def killed_at(call: str, number: int, file: str | None = None) -> list[str]:
    """A command that starts another, and kills it as it begins the ``number``-th ``call``, or the ``number``-th on ``file``."""
    # -D: the daemon is our child, and the tracer nobody's; with --seccomp-bpf, which is faster, strace 6.1 kills nobody
    strace = [find_program("strace", "strace"), "-D", "-f", "-qq", "-o", "/dev/null", *(["-P", file] if file else [])]
    return [*strace, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]


def kill_at_each(numbers, call, scene, daemon, file=None):
    """Run the daemon under load until it dies at the first of ``numbers``, then until the next; the codes that it ended with."""
    codes = set()
    for number in numbers:
        daemon.under = killed_at(call, number, file)
        scene.send(200)
        daemon.spawn()
        codes.add(ended_under_load(scene, daemon))
    daemon.under = ()
    return codes


def ended_under_load(scene, daemon):
    for _ in range(60):
        try:
            return daemon.wait(1)
        except subprocess.TimeoutExpired:
            scene.send(200)
    raise AssertionError("it never came to that call")


def test_a_daemon_killed_as_it_syncs_its_database_accepts_each_alert_once(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    daemon = scene.start_daemon(more=CHURN)
    daemon.stop()

    codes = kill_at_each(scene.dice.sample(range(1, 25), 20 if scene.is_long else 2), "fsync,fdatasync", scene, daemon)
    daemon.start()
    faults = scene.verdict()
    daemon.stop()

    assert (faults, codes, what_is_left(broker, daemon)) == ([], {-signal.SIGKILL}, (True, []))


@pytest.mark.parametrize(("call", "most"), [("pwrite64", 400), ("fsync,fdatasync", 1)])
def test_a_daemon_killed_while_it_moves_the_log_into_the_file_accepts_each_alert_once(broker, sqlite_url, make_scene, call, most):
    """A checkpoint is what writes to the file and syncs it; commits write to the log beside it."""
    path = sqlite_url.removeprefix("sqlite:///")
    scene = make_scene(broker, sqlite_url)
    daemon = scene.start_daemon(more=CHURN)
    daemon.stop()

    numbers = [scene.dice.randint(1, most) for _ in range(10 if scene.is_long else 1)]
    codes = kill_at_each(numbers, call, scene, daemon, path)
    daemon.start()
    faults = scene.verdict()
    daemon.stop()

    assert (faults, codes, what_is_left(broker, daemon)) == ([], {-signal.SIGKILL}, (True, []))
    with closing(apsw.Connection(path)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()


def test_a_daemon_killed_as_it_sends_accepts_each_alert_once(broker, mariadb, make_scene):
    store = mariadb.fresh_database()
    scene = make_scene(broker, store)
    daemon = scene.start_daemon(more=CHURN)
    daemon.stop()

    codes = kill_at_each(scene.dice.sample(range(1, 150), 20 if scene.is_long else 2), "sendto", scene, daemon)
    daemon.start()
    faults = scene.verdict()
    daemon.stop()

    assert (faults, codes, what_is_left(broker, daemon)) == ([], {-signal.SIGKILL}, (True, []))
