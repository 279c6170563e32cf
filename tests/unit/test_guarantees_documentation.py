"""docs/guarantees.md: every promise is there, with tests that exist, or with what is missing; docs/security.md names such too."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from axion_bus.store.grants import WORKING_GRANTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT.joinpath("docs/guarantees.md").read_text("utf-8")
SECTIONS = {heading.split()[0]: body for heading, body in re.findall(r"^## (G\d+ .*)\n((?:.*\n)*?)(?=^## )", DOCS, re.MULTILINE)}
NAMED = [(promise, name) for promise, body in SECTIONS.items() for name in re.findall(r"`(tests/[^`]+)`", body)]
SECURITY = ROOT.joinpath("docs/security.md").read_text("utf-8")
NAMED_THERE = [("security", name) for name in re.findall(r"`(tests/[^`]+)`", SECURITY)]
MISSING = re.findall(r"^\| (G\d+) \| (.+) \|$", DOCS, re.MULTILINE)


def functions_of(file):
    nodes = ast.walk(ast.parse(ROOT.joinpath(file).read_text("utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("promise", "name"), [*NAMED, *NAMED_THERE], ids=lambda each: each.rpartition("::")[2])
def test_a_test_that_is_named_exists(promise, name):
    file, _, function = name.partition("::")

    assert ROOT.joinpath(file).is_file()
    assert function in functions_of(file)


def test_every_promise_is_kept_or_its_lack_is_told():
    assert {f"G{number}" for number in range(1, 18)} == SECTIONS.keys() | {promise for promise, _ in MISSING}


def test_every_promise_that_is_kept_names_a_test():
    assert SECTIONS.keys() == {promise for promise, _ in NAMED}


def test_a_promise_with_tests_of_its_own_is_shown_by_one_of_them():
    own = {f"G{int(found[1])}" for file in ROOT.glob("tests/**/test_g*.py") if (found := re.match(r"test_g(\d\d)_", file.name))}
    shown = {promise for promise, name in NAMED if f"/test_g{int(promise[1:]):02}_" in name}

    assert own == shown | (own & {promise for promise, _ in MISSING if promise not in SECTIONS})


@pytest.mark.parametrize("page", ["guarantees", "security", "topics", "schema"])
def test_a_file_that_is_linked_exists(page):
    text = ROOT.joinpath(f"docs/{page}.md").read_text("utf-8")
    linked = re.findall(r"\]\(([^)#]+)\)", text)

    assert [] == [file for file in linked if not ROOT.joinpath("docs", file).exists()]
    assert linked


def test_the_grants_on_the_page_are_those_that_the_daemon_works_with():
    assert f"| {', '.join(WORKING_GRANTS)} on its own database" in SECURITY


def test_every_shipped_gate_is_on_the_page():
    shipped = ["config/mosquitto.conf", "config/mosquitto.acl", "config/dbus/org.axion.Bus1.conf", "systemd/axion-bus.service"]

    assert [] == [file for file in shipped if f"`{file}`" not in SECURITY]
