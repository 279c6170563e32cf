"""The documents in docs/ are those that the program prints, and the AsyncAPI document has all there is on the bus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from axion_bus.cli.schemas import NAMES
from axion_bus.config.mqtt import PUBLISHED
from axion_bus.domain import topics
from axion_bus.domain.events import EventKind
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.schemas import DOCUMENTS, text

DOCS = Path(__file__).parents[3] / "docs"
FILES = {name: DOCS / ("asyncapi.json" if name == "asyncapi" else f"schemas/{name}.json") for name in DOCUMENTS}
DOCUMENT = DOCUMENTS["asyncapi"]()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_file_in_docs_is_up_to_date(name):
    assert text(DOCUMENTS[name]()) + "\n" == FILES[name].read_text("utf-8"), "run: make docs"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_shell_prints_it(shell, name):
    printed, as_json = shell("schema", name), shell("schema", name, "--json")

    assert (FILES[name].read_text("utf-8"), DOCUMENTS[name]()) == (printed.out, as_json.json["data"])


def test_the_shell_knows_them_all():
    assert list(NAMES) == list(DOCUMENTS)


def test_what_is_printed_reads_back_and_its_lines_are_short():
    value = {"a": [1, "é", None, {"b": "x" * 100}], "c": {}, "d": [["y" * 60, "z" * 60, "z" * 60]]}

    assert (value, True) == (json.loads(text(value)), max(map(len, text(value).splitlines())) <= 132)


def addresses(action):
    operations = DOCUMENT["operations"].values()
    names = [each["channel"]["$ref"].rpartition("/")[2] for each in operations if each["action"] == action]
    return [DOCUMENT["channels"][name]["address"] for name in names]


def replies():
    names = [each["reply"]["channel"]["$ref"].rpartition("/")[2] for each in DOCUMENT["operations"].values() if "reply" in each]
    return [DOCUMENT["channels"][name]["address"] for name in names]


def test_every_event_and_every_verb_has_a_topic():
    told = [*addresses("send"), *addresses("receive"), *replies()]

    assert set(told) >= {f"axion/events/{kind}" for kind in EventKind} | {
        f"axion/{way}/{verb}" for verb in CATALOGUE for way in ("request", "response")
    }


def test_what_it_says_is_sent_is_what_the_configuration_knows_to_be_published():
    sent = [*addresses("send"), *replies()]
    published = [f"axion/{below}" for below in PUBLISHED]

    assert ([], []) == (
        [topic for topic in sent if not any(topics.matches(each, topic) for each in published)],
        [each for each in published if not any(topics.matches(each, topic) for topic in sent)],
    )


def test_each_operation_leads_to_a_channel_with_a_message_and_each_channel_is_used():
    used = {*addresses("send"), *addresses("receive"), *replies()}

    assert (used, True) == (
        {each["address"] for each in DOCUMENT["channels"].values()},
        all(each["messages"] for each in DOCUMENT["channels"].values()),
    )


def test_every_reference_leads_somewhere():
    assert [] == [reference for reference in references(DOCUMENT) if resolve(reference) is None]


def references(value):
    if isinstance(value, dict):
        found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return found + [each for part in value.values() for each in references(part)]
    return [each for part in value for each in references(part)] if isinstance(value, list) else []


def resolve(reference):
    found = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step, {})
    return found or None
