"""The desktop's unit for a user's session, judged by systemd itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "axion-bus-desktop.service"


@pytest.fixture
def verify(tmp_path):
    """What systemd says of the unit as it would be installed here."""

    def judged(text):
        program = shutil.which("systemd-analyze")
        assert program, "systemd-analyze is missing: apt-get install systemd"
        unit = tmp_path / "axion-bus-desktop.service"
        unit.write_text(text.replace("/usr/bin/axion-bus desktop", f"{sys.executable} -m axion_bus desktop"))
        command = [program, "--user", "verify", str(unit)]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}  # which a session has, and a build machine has not
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)

    return judged


def test_systemd_has_nothing_to_say_about_the_unit(verify):
    verdict = verify(UNIT.read_text())

    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_a_key_that_systemd_does_not_know_would_be_noticed(verify):
    assert "RestartSecs" in verify(UNIT.read_text().replace("RestartSec=", "RestartSecs=")).stderr


@pytest.mark.parametrize("line", ["PartOf=graphical-session.target", "Restart=on-failure", "WantedBy=graphical-session.target"])
def test_it_comes_and_goes_with_the_session(line):
    assert line in UNIT.read_text().splitlines()
