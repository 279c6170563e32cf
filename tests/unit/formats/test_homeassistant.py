"""The device that Home Assistant is told of: in the documented form, about our own topics, its templates true for what is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic_core import to_json

from axion_bus.domain.alert import Severity
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.incident import Incident, IncidentStatus
from axion_bus.formats import events, homeassistant
from tests.homeassistant import Entities
from tests.json_schema import faults

FORM = json.loads(Path(__file__).parent.joinpath("samples/homeassistant_device.json").read_text("utf-8"))
NOW = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)
INCIDENT = Incident(
    guid="0198-incident",
    title='The "big" one',
    severity=Severity.HIGH,
    status=IncidentStatus.CREATED,
    package="WEBAPI",
    created_at=NOW,
    updated_at=NOW,
)


def device(instance="north"):
    return homeassistant.encode_device(instance=instance, base_topic="axion", version="1.2.3")


def states(severity):
    entities = Entities(device())
    entities.hear("axion/summary", to_json({"status": {}, "severity": severity, "package": {}}))
    return entities.states


def test_it_has_the_documented_form():
    assert [] == faults(FORM, json.loads(device()))


@pytest.mark.parametrize(
    ("component", "changes"),
    [
        ("problem", {"unique_id": None}),
        ("problem", {"stat_topic": "x"}),
        ("highest_severity", {"state_class": "measurement"}),
        ("highest_severity", {"device_class": None}),
        ("incident", {"event_types": []}),
        ("open_incidents", {"platform": "number"}),
    ],
)
def test_another_form_is_not_the_documented_one(component, changes):
    told = json.loads(device())
    for name, value in changes.items():
        told["components"][component][name] = value
        if value is None:
            del told["components"][component][name]

    assert [] != faults(FORM, told)


def test_it_offers_a_problem_a_count_the_highest_severity_and_events():
    components = json.loads(device())["components"]

    assert [("problem", "binary_sensor"), ("open_incidents", "sensor"), ("highest_severity", "sensor"), ("incident", "event")] == [
        (name, component["platform"]) for name, component in components.items()
    ]


def test_each_instance_is_a_device_of_its_own():
    ids = [component["unique_id"] for name in ("north", "south") for component in json.loads(device(name))["components"].values()]

    assert (8, "homeassistant/device/axion_bus_north/config") == (
        len(set(ids)),
        homeassistant.discovery_topic("homeassistant", "north"),
    )


def test_a_name_with_dots_becomes_an_id_that_home_assistant_takes():
    topic = homeassistant.discovery_topic("ha", "db-1.example.org")

    assert ("ha/device/axion_bus_db-1_example_org/config", "axion/instances/db-1.example.org/state") == (
        topic,
        json.loads(device("db-1.example.org"))["availability"][0]["topic"],
    )


@pytest.mark.parametrize(
    ("severity", "problem", "count", "highest"),
    [
        ({}, "OFF", 0, "NONE"),
        ({"LOW": 2}, "OFF", 2, "LOW"),
        ({"LOW": 2, "MEDIUM": 1}, "OFF", 3, "MEDIUM"),
        ({"LOW": 2, "HIGH": 1}, "ON", 3, "HIGH"),
        ({"CRITICAL": 1, "HIGH": 4}, "ON", 5, "CRITICAL"),
        ({"CRITICAL": 1}, "ON", 1, "CRITICAL"),
    ],
)
def test_the_states_are_those_of_the_summary(severity, problem, count, highest):
    assert {"problem": problem, "open_incidents": count, "highest_severity": highest} == states(severity)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind.value.startswith("incident/")])
def test_every_event_of_an_incident_is_one_of_the_event_entity(kind):
    entities = Entities(device())
    event = Event(kind=kind, reason="opened", by="ada", incident=INCIDENT, sequence=1)

    entities.hear(f"axion/events/{kind}", events.encode(event, event_id="1", reference="R", instance="north", at=NOW).encode())

    assert (kind.partition("/")[2].replace("-", "_"), 'The "big" one', "ada") == (
        entities.states["incident"],
        entities.attributes["incident"]["title"],
        entities.attributes["incident"]["by"],
    )
