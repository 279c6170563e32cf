"""``make bench`` begins, measures and ends: its two shortest steps, run as they are, on servers of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize("step", ["inserts/sqlite", "inserts/mariadb"])
def test_a_step_is_measured_with_its_cpu(step):
    command = [sys.executable, "-m", "tests.bench", "--only", step, "--runs", "1", "--json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    (figure,) = json.loads(said.stdout)

    assert (step, "rows/s", 1) == (figure["figure"], figure["unit"], len(figure["values"]))
    assert min(figure["median"], figure["cpu_us_per_alert"]) > 0


def test_a_step_that_there_is_not_is_told_with_those_that_there_are():
    said = subprocess.run([sys.executable, "-m", "tests.bench", "--only", "nonsense"], check=False, capture_output=True, text=True)

    assert (2, True) == (said.returncode, "inserts/sqlite" in said.stderr)
