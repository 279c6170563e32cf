"""The manual page and the shell completions: made from the commands, up to date, readable, in the package, and working."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from axion_bus.cli import VERBS
from axion_bus.cli.failures import VERDICTS
from axion_bus.cli.manual import EXITS, page
from tests.servers.process import find_program

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "share/man/man1/axion-bus.1"
COMPLETIONS = {
    "bash": ROOT / "share/bash-completion/completions/axion-bus",
    "zsh": ROOT / "share/zsh/site-functions/_axion-bus",
    "fish": ROOT / "share/fish/vendor_completions.d/axion-bus.fish",
}


def test_the_manual_page_is_up_to_date():
    assert page() == MANUAL.read_text("utf-8"), "run: make docs"


@pytest.mark.parametrize("shell_name", COMPLETIONS)
def test_the_completion_is_up_to_date(shell, shell_name):
    assert shell("completion", shell_name).out == COMPLETIONS[shell_name].read_text("utf-8"), "run: make docs"


def test_every_verb_has_a_section_in_the_manual_page():
    sections = [line.removeprefix(".SS ").replace("\\-", "-").split()[0] for line in page().splitlines() if line.startswith(".SS ")]

    assert list(VERBS) == list(dict.fromkeys(sections))


def test_every_exit_code_is_in_the_manual_page():
    assert {verdict.exit_code for verdict in VERDICTS.values()} <= EXITS.keys()


def test_the_manual_page_is_formatted_without_a_warning():
    command = [find_program("groff", "groff-base"), "-man", "-Tutf8", "-ww", "-P-cbou", str(MANUAL)]
    formatted = subprocess.run(command, check=True, capture_output=True, text=True)

    assert ("", True) == (formatted.stderr, "create-incident [OPTIONS]" in formatted.stdout)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["axion-bus", "ack"], ["acknowledge"]),
        (["axion-bus", "list-"], ["list-incidents", "list-alerts", "list-communications"]),
        (["axion-bus", "create-incident", "--severity", "h"], ["high"]),
        (["axion-bus", "create-incident", "--ti"], ["--title"]),
        (["axion-bus", "schema", "as"], ["asyncapi"]),
        (["axion-bus", "db", "up"], ["upgrade"]),
    ],
    ids=" ".join,
)
def test_bash_completes_by_the_installed_script(words, offered, tmp_path):
    tmp_path.joinpath("axion-bus").symlink_to(Path(sys.executable).with_name("axion-bus"))
    script = (
        f'. {COMPLETIONS["bash"]}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _axion_bus_completion axion-bus; '
        "printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p axion-bus"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    said = subprocess.run(["bash", "-c", script, "bash", *words], check=True, capture_output=True, text=True, env=environment)

    *found, completed = said.stdout.splitlines()
    assert (offered, "complete -o nosort -F _axion_bus_completion axion-bus") == (found, completed)


def test_the_package_brings_them_to_where_man_and_the_shells_look(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        brought = {name.partition(".data/data/")[2]: archive.read(name) for name in archive.namelist() if ".data/data/" in name}

    assert {str(file.relative_to(ROOT)): file.read_bytes() for file in [MANUAL, *COMPLETIONS.values()]} == brought
