"""docs/operations.md and docs/install.md say what the doctor and ``init`` do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
INSTALL = (ROOT / "docs/install.md").read_text("utf-8")
URL = "mysql://axion-bus@127.0.0.1/axion_bus"


def checks_in_the_code():
    """The first argument of every finding that is made, where it is a plain text."""
    files = [*(ROOT / "axion_bus/doctor").glob("*.py"), ROOT / "axion_bus/cli/doctor.py"]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("ok", "warn", "fail", "verdict")]
    return {call.args[0].value for call in made if isinstance(call.args[0], ast.Constant)}


def checks_in_the_table():
    """``database.reach``, and ``.login`` behind it for ``database.login``."""
    found = set()
    for cell in re.findall(r"^\| (`[a-z].*?) \|", OPERATIONS.partition("## The doctor")[2], re.MULTILINE):
        group = ""
        for name in re.findall(r"`([^`]+)`", cell):
            group = group if name.startswith(".") else name.partition(".")[0]
            found.add(f"{group}{name}" if name.startswith(".") else name)
    return found


def test_every_check_of_the_doctor_is_in_the_table():
    assert checks_in_the_code() - {"dbus", "channels.apprise"} - checks_in_the_table() == set()


def test_the_steps_that_init_says_are_those_of_the_page(shell, tmp_path):
    (tmp_path / "etc/mosquitto/conf.d").mkdir(parents=True)
    steps = shell("init", "--host", "--root", tmp_path, "--database", URL, "--json").json["data"]["next"]
    lines = [line for step in steps for line in step["do"].splitlines()]

    assert [line for line in lines if line not in INSTALL.splitlines()] == []
    assert len(lines) > 12
