"""The shipped systemd unit, judged by systemd itself: no boot is needed for that."""

from __future__ import annotations

import os
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
        unit.write_text(text.replace("/usr/bin/axion-bus ", f"{sys.executable} -m axion_bus "))
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


def test_the_directories_are_made_and_only_root_looks_at_the_credentials(tmp_path):
    program = shutil.which("systemd-tmpfiles")
    assert program, "systemd-tmpfiles is missing: apt-get install systemd"
    shipped = (UNIT.parent / "tmpfiles.d" / "axion-bus.conf").read_text()
    ours = tmp_path / "axion-bus.conf"
    ours.write_text(shipped.replace(" root      root ", " - - "))  # whoever runs the tests may not be root
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"axion-bus:x:{os.getuid()}:{os.getgid()}::/var/lib/axion-bus:/bin/false\n")
    (tmp_path / "etc/group").write_text(f"axion-bus:x:{os.getgid()}:\n")
    subprocess.run([program, "--create", f"--root={tmp_path}", str(ours)], capture_output=True, timeout=60, check=True)
    names = ("etc/axion-bus", "etc/axion-bus/credentials", "var/lib/axion-bus")
    modes = {name: f"{(tmp_path / name).stat().st_mode & 0o7777:o}" for name in names}

    assert {"etc/axion-bus": "755", "etc/axion-bus/credentials": "700", "var/lib/axion-bus": "750"} == modes
    assert "d /etc/axion-bus/credentials 0700 root      root      -\n" in shipped


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
        "ExecReload=/usr/bin/axion-bus reload --timeout 45",
        "StateDirectory=axion-bus",
        "RuntimeDirectory=axion-bus",
    ],
)
def test_what_the_daemon_relies_on_is_set(line):
    assert line in UNIT.read_text().splitlines()
