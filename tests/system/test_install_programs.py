"""What ``make test`` does about programs that are missing. Stand-ins for sudo and its like run: nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "install-programs"
MISSING = "no-such-program"
INSTALL = "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"


class Machine:
    """A PATH with a shell, its usual tools, and what a test adds; a user who is not root."""

    def __init__(self, directory):
        self.directory = directory
        self.calls = directory / "calls"
        self.calls.touch()
        for tool in ("sh", "cat", "chmod", "env", "mktemp", "rm", "sort", "tail", "tr"):
            (directory / tool).symlink_to(shutil.which(tool))
        self.add("id", "echo 1000")

    def add(self, name, script=""):
        """Add a program that notes down its arguments and runs ``script``."""
        file = self.directory / name
        file.write_text(f'#!/bin/sh\n[ "${{0##*/}}" = id ] || echo "${{0##*/}} $*" >>{self.calls}\n{script}\n')
        file.chmod(0o755)

    def install(self, *pairs):
        environment = {**os.environ, "PATH": str(self.directory), "TMPDIR": str(self.directory)}
        return subprocess.run([SCRIPT, *pairs], env=environment, capture_output=True, text=True, timeout=60, check=False)

    def called(self):
        return [line for line in self.calls.read_text().splitlines() if "policy-rc.d" not in line]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def apt_machine(machine):
    """One with apt and a sudo; ``sudo env`` is apt-get install, and brings the missing program."""
    machine.add("apt-get")
    machine.add("systemctl")
    machine.add("sudo", f'[ "$1" != env ] || {{ : >{machine.directory}/{MISSING}; chmod 755 {machine.directory}/{MISSING}; }}')
    return machine


def test_when_nothing_is_missing_nothing_happens(apt_machine):
    done = apt_machine.install("sh=dash", "cat=coreutils")

    assert (done.returncode, done.stdout, done.stderr, apt_machine.called()) == (0, "", "", [])


def test_what_is_missing_is_installed_by_the_line_that_is_printed(apt_machine):
    done = apt_machine.install("sh=dash", f"{MISSING}=some-package")

    assert (done.returncode, apt_machine.called()) == (0, ["sudo apt-get update", f"sudo {INSTALL} some-package"])
    assert f"  sudo apt-get update; sudo {INSTALL} some-package\n" in done.stdout


def test_a_package_of_two_programs_is_installed_once(apt_machine):
    apt_machine.install(f"{MISSING}=some-package", f"{MISSING}-too=some-package")

    assert f"sudo {INSTALL} some-package" in apt_machine.called()


def test_a_broker_that_comes_as_a_service_is_not_left_enabled(apt_machine):
    apt_machine.install(f"{MISSING}=mosquitto")

    assert apt_machine.called()[-1] == "sudo systemctl --quiet disable mosquitto"


def test_without_apt_the_line_is_printed_and_nothing_else_done(machine):
    machine.add("sudo")
    done = machine.install(f"{MISSING}=some-package")

    assert (done.returncode, machine.called()) == (1, [])
    assert f"  apt-get update; {INSTALL} some-package\n" in done.stderr


def test_without_root_and_sudo_the_line_is_printed_and_nothing_else_done(machine):
    machine.add("apt-get")
    done = machine.install(f"{MISSING}=some-package")

    assert (done.returncode, machine.called()) == (1, [])
    assert f"  apt-get update; {INSTALL} some-package\n" in done.stderr


def test_when_apt_fails_its_words_and_the_line_are_printed(apt_machine):
    apt_machine.add("sudo", '[ "$1" != env ] || { echo "E: no such package"; exit 100; }')
    done = apt_machine.install(f"{MISSING}=some-package")

    assert done.returncode == 1
    assert "E: no such package\n" in done.stderr
    assert f"  sudo apt-get update; sudo {INSTALL} some-package\n" in done.stderr


def test_when_sudo_refuses_its_words_and_the_line_are_printed(apt_machine):
    apt_machine.add("sudo", 'echo "sudo: a password is required" >&2; exit 1')
    done = apt_machine.install(f"{MISSING}=some-package")

    assert done.returncode == 1
    assert "sudo: a password is required\n" in done.stderr
    assert f"  sudo apt-get update; sudo {INSTALL} some-package\n" in done.stderr


def test_a_package_without_the_program_is_a_failure(apt_machine):
    apt_machine.add("sudo")
    done = apt_machine.install(f"{MISSING}=some-package")

    assert done.returncode == 1
    assert "still missing" in done.stderr
