"""docs/topics.md names every topic, every event and every entity that there is, and its example is in the form of the schema."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from axion_bus.config.mqtt import Mqtt
from axion_bus.domain import desk
from axion_bus.domain.events import EventKind
from axion_bus.formats.homeassistant import discovery_topic, encode_device
from axion_bus.pipeline.record import Recorder
from axion_bus.schemas import DOCUMENTS
from tests.json_schema import faults

DOCS = (Path(__file__).parents[2] / "docs/topics.md").read_text("utf-8")


def table(header):
    """The cells of the table that begins with ``header``."""
    body = DOCS.partition(f"\n| {header} ")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()[2:]]


def code(text):
    """What stands between backticks, outside of the examples."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"`([^`]+)`", text)


def test_every_channel_of_the_asyncapi_document_is_a_row_or_in_one():
    told = {topic for row in table("topic") for cell in row for topic in code(cell) if topic.startswith("axion/")}
    channels = [channel["address"] for channel in DOCUMENTS["asyncapi"]()["channels"].values()]
    general = {re.sub(r"^(axion/(?:request|response))/(?!unknown).*", r"\1/<verb>", each) for each in channels}
    general = {re.sub(r"^axion/events/.*", "axion/events/<noun>/<verb>", each) for each in general}

    assert {re.sub(r"\{([a-z]+)\}", r"<\1>", each) for each in general} == told


def test_every_event_is_a_row():
    assert list(EventKind) == [code(event)[0] for event, _ in table("event")]


def test_an_event_that_is_called_unpublished_is():
    assert [EventKind.ALERT_RECEIVED] == [code(event)[0] for event, when in table("event") if "not published" in when]
    assert inspect.signature(Recorder).parameters["tells_received"].default is False


def test_the_example_is_an_event_but_for_what_is_left_out():
    event = json.loads(DOCS.partition("```json\n")[2].partition("```")[0])
    lacking = {fault.partition(":")[0] for fault in faults(DOCUMENTS["event"](), event)}

    assert ({"$.data.incident"}, desk._BY_HAND) == (lacking, event["data"]["reason"])


def test_the_entities_and_their_topics_are_the_true_ones():
    device = json.loads(encode_device(instance="<instance>", base_topic="axion", version="1"))
    told = [(name, code(platform)[0]) for name, platform, _ in table("entity")]
    prefix = Mqtt.model_fields["homeassistant"].default.discovery_prefix

    assert [(each["name"], each["platform"]) for each in device["components"].values()] == told
    assert {each["state_topic"] for each in device["components"].values()} <= set(code(DOCS))
    assert device["availability"][0]["topic"] in code(DOCS)
    assert discovery_topic(prefix, "north").replace("north", "<instance>") in code(DOCS)
