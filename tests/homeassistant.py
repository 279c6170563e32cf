"""Home Assistant, as far as it reads what we publish: entities from a discovery message, and their states from the messages.

In the place of the program itself. The templates are rendered by Jinja, as there, with its own ``to_json``; what it does with what
comes out (a payload that is not one of the options, an event without a type) is as in its source, components/mqtt, core 2026.10.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from axion_bus.domain import topics

if TYPE_CHECKING:
    from collections.abc import Mapping

_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_environment.filters["to_json"] = json.dumps


class Entities:
    """The entities of one device: ``states`` by their key in the discovery message; ``attributes`` likewise."""

    def __init__(self, discovery: bytes) -> None:
        self._device = json.loads(discovery)
        self.states: dict[str, Any] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self.is_available: bool | None = None

    @property
    def topics(self) -> list[str]:
        """What it subscribes to."""
        named = [each["topic"] for each in self._device["availability"]]
        return sorted({*named, *(each["state_topic"] for each in self._device["components"].values())})

    def hear(self, topic: str, body: bytes) -> None:
        """Take one message."""
        for each in self._device["availability"]:
            if topics.matches(each["topic"], topic):
                self.is_available = {b"online": True, b"offline": False}.get(body, self.is_available)
        for name, component in self._device["components"].items():
            if topics.matches(component["state_topic"], topic):
                self._take(name, component, body)
            if topics.matches(component.get("json_attributes_topic", "-"), topic):
                self.attributes[name] = json.loads(body)

    def _take(self, name: str, component: Mapping[str, Any], body: bytes) -> None:
        template = _environment.from_string(component["value_template"])
        payload = template.render(value=body.decode(), value_json=json.loads(body))
        if component["platform"] == "event":
            attributes = json.loads(payload)
            self.states[name] = attributes.pop("event_type")
            self.attributes[name] = attributes
            allowed = component["event_types"]
        else:
            allowed = component.get("options", ["ON", "OFF"] if component["platform"] == "binary_sensor" else None)
            self.states[name] = payload if allowed else float(payload)
        if allowed and self.states[name] not in allowed:
            raise ValueError(f"{name}: {payload!r} is none of {allowed}")
