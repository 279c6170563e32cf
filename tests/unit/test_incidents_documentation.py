"""docs/incidents.md says what the code does: its tables against the code, its examples against the readers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from axion_bus import IncidentManager
from axion_bus.cli import VERBS
from axion_bus.domain.communication import Asked, Fault
from axion_bus.domain.incident import TRANSITIONS
from axion_bus.domain.reply import CODE_DAYS
from axion_bus.formats import gateway, request
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.manager.requests import CODES, MAX_ANSWER_BYTES
from axion_bus.reports.build import MAX_ROWS

DOCS = (Path(__file__).parents[2] / "docs" / "incidents.md").read_text()


def section(title):
    """The text below a heading."""
    return DOCS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title, number=0):
    """The cells of the ``number``th table below a heading, its head left out."""
    tables = re.findall(r"(?:^\|.*\n)+", section(title), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in tables[number].splitlines()[2:]]


def code(text):
    return re.findall(r"`([^`]+)`", text)


def test_the_life_cycle_is_the_true_one():
    told = {before: set(after.partition(", by")[0].split(", ")) for before, after in rows("Life cycle")}

    assert {"INVESTIGATING"} == told.pop("CLOSED")
    assert {before: set(after) for before, after in TRANSITIONS.items() if after} == told


def test_every_verb_of_the_bus_is_in_the_table_and_every_call_and_command_exists():
    table = [[next(iter(code(cell)), "") for cell in row] for row in rows("Verbs")]

    assert set(CATALOGUE) == {verb for _, _, verb in table if verb}
    assert [] == [call for call, _, _ in table if not hasattr(IncidentManager, call)]
    assert [] == [command for _, command, _ in table if command not in VERBS]


def test_every_error_code_is_explained():
    assert {name for _, name in CODES} | {"unavailable"} == {code(name)[0] for name, _ in rows("Commands on the bus")}


def test_every_reason_of_commands_and_replies_is_explained():
    told = [name for cell, _ in rows("Replies", 1) for name in code(cell)]

    assert {*Asked, Fault.SENDER_NOT_ALLOWED, Fault.UNKNOWN_REFERENCE, Fault.REFUSED} == set(told)


def test_the_example_of_a_command_is_one():
    body = re.search(r"-m '(.*)'", section("Commands on the bus"))[1]
    verb = re.search(r"axion/request/(\S+)", section("Commands on the bus"))[1]
    found = request.decode(body.encode())

    assert (17, "ada", "disk-1") == (found.transaction, found.by, found.idempotency_key)
    assert CATALOGUE[verb].arguments.model_validate(found.arguments)


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
def test_what_stands_there_as_json_is_json(block):
    assert json.loads(block)


def test_the_example_of_a_reply_is_one():
    said = gateway.decode(re.findall(r"```json\n(.*?)```", section("Replies"), re.DOTALL)[0].encode())

    assert ("+1 555 0123", "ack A7K", "SM17") == (said.sender, said.message, said.external_id)


def test_the_bounds_are_the_true_ones():
    assert f"for {CODE_DAYS} days" in DOCS
    assert f"the latest {MAX_ROWS} are told" in DOCS
    assert "more than a mebibyte" in DOCS
    assert MAX_ANSWER_BYTES == 1024 * 1024


def test_the_picture_is_there_and_small():
    picture = Path(__file__).parents[2] / "docs" / "report.png"

    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000
