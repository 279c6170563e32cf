"""The shipped systemd unit, judged by systemd itself: no boot is needed for that."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "axion-bus.service"


def analyze(*arguments):
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: apt-get install systemd"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def installed(tmp_path):
    """The unit as it would be installed here: a program that exists stands in for /usr/bin/axion-bus."""

    def install(text):
        unit = tmp_path / "axion-bus.service"
        unit.write_text(text.replace("/usr/bin/axion-bus run", f"{sys.executable} -m axion_bus run"))
        return unit

    return install


def test_systemd_has_nothing_to_say_about_the_unit(installed):
    verdict = analyze("verify", str(installed(UNIT.read_text())))

    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_a_key_that_systemd_does_not_know_would_be_noticed(installed):
    verdict = analyze("verify", str(installed(UNIT.read_text().replace("WatchdogSec=", "WatchdogSecs="))))

    assert "WatchdogSecs" in verdict.stderr


def test_the_exposure_is_at_most_1_5():
    verdict = analyze("security", "--offline=true", "--threshold=15", str(UNIT))

    assert verdict.returncode == 0, verdict.stdout


def test_the_user_it_runs_as_is_the_one_that_sysusers_makes(tmp_path):
    file = UNIT.parent / "sysusers.d" / "axion-bus.conf"
    program = shutil.which("systemd-sysusers")
    assert program, "systemd-sysusers is missing: apt-get install systemd"
    (tmp_path / "etc").mkdir()
    told = subprocess.run(
        [program, "--dry-run", f"--root={tmp_path}", str(file)], capture_output=True, text=True, timeout=60, check=True
    )

    assert "Creating user 'axion-bus' (axion-bus)" in told.stdout + told.stderr


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30",
        "Restart=on-failure",
        "TimeoutStopSec=20",
        "User=axion-bus",
        "ConfigurationDirectoryMode=0755",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ],
)
def test_what_the_daemon_relies_on_is_set(line):
    assert line in UNIT.read_text().splitlines()
