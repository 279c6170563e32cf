"""Home Assistant's MQTT discovery, device by device: the one message that makes it show the incidents, without a file edited there.

The message names our own topics and says by templates what to read from them: the retained summary, the events, the instance's
state. So there is no second truth to keep. Bytes only; who publishes them is ``buses.homeassistant``.

The form: Home Assistant, MQTT integration, «Device discovery payload» (since 2024.11); event.mqtt; sensor.mqtt; binary_sensor.mqtt.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import to_json

from axion_bus.domain.alert import Severity
from axion_bus.domain.events import EventKind

NONE_OPEN = "NONE"
"""The highest severity while no incident is open. (``None`` would be no value at all to Home Assistant.)"""

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_PROBLEMS = (Severity.HIGH, Severity.CRITICAL)
_HIGHEST_FIRST = sorted(Severity, reverse=True)
_NOUN = "incident/"


def device_id(instance: str) -> str:
    """What the device is known by; Home Assistant allows letters, digits, ``_`` and ``-`` in it."""
    return f"axion_bus_{_NOT_IN_ID.sub('_', instance)}"


def discovery_topic(prefix: str, instance: str) -> str:
    """Where the device of ``instance`` is announced, retained; an empty message there takes it away."""
    return f"{prefix}/device/{device_id(instance)}/config"


def encode_device(*, instance: str, base_topic: str, version: str) -> bytes:
    """The discovery message of ``instance``."""
    ours = device_id(instance)
    device: dict[str, Any] = {
        "device": {
            "identifiers": [ours],
            "name": f"Axion Bus {instance}",
            "manufacturer": "axion-bus",
            "model": "Incident manager",
            "sw_version": version,
        },
        "origin": {"name": "axion-bus", "sw_version": version},
        "availability": [{"topic": f"{base_topic}/instances/{instance}/state"}],
        "qos": 1,
        "components": {
            name: {**component, "unique_id": f"{ours}_{name}"}
            for name, component in (
                ("problem", _problem(base_topic)),
                ("open_incidents", _open_incidents(base_topic)),
                ("highest_severity", _highest_severity(base_topic)),
                ("incident", _event(base_topic)),
            )
        },
    }
    return to_json(device)


def event_types() -> list[str]:
    """What the event entity may tell: ``created``, ``status_changed`` ..."""
    return [kind.value.removeprefix(_NOUN).replace("-", "_") for kind in EventKind if kind.value.startswith(_NOUN)]


def _problem(base_topic: str) -> dict[str, Any]:
    counts = " + ".join(f"value_json.severity.{severity.name}|default(0)" for severity in _PROBLEMS)
    return {
        "platform": "binary_sensor",
        "name": "Problem",
        "device_class": "problem",
        "state_topic": f"{base_topic}/summary",
        "value_template": f"{{{{ 'ON' if {counts} > 0 else 'OFF' }}}}",
    }


def _open_incidents(base_topic: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": "Open incidents",
        "icon": "mdi:alert-circle-outline",
        "state_class": "measurement",
        "unit_of_measurement": "incidents",
        "state_topic": f"{base_topic}/summary",
        "value_template": "{{ value_json.severity.values()|sum }}",
        "json_attributes_topic": f"{base_topic}/summary",
    }


def _highest_severity(base_topic: str) -> dict[str, Any]:
    names = [severity.name for severity in _HIGHEST_FIRST]
    found = "".join(
        f"{{% {'if' if name == names[0] else 'elif'} value_json.severity.{name}|default(0) > 0 %}}{name}" for name in names
    )
    return {
        "platform": "sensor",
        "name": "Highest severity",
        "icon": "mdi:speedometer",
        "device_class": "enum",
        "options": [NONE_OPEN, *reversed(names)],
        "state_topic": f"{base_topic}/summary",
        "value_template": f"{found}{{% else %}}{NONE_OPEN}{{% endif %}}",
    }


def _event(base_topic: str) -> dict[str, Any]:
    incident = ", ".join(
        f"'{name}': value_json.data.incident.{name}"
        for name in ("incident_guid", "title", "severity", "status", "package", "assigned_to")
    )
    return {
        "platform": "event",
        "name": "Incident",
        "icon": "mdi:bell-alert-outline",
        "event_types": event_types(),
        "state_topic": f"{base_topic}/events/{_NOUN}+",
        "value_template": (
            "{{ {'event_type': value_json.type.split('.')[4].replace('-', '_'), "
            f"{incident}, 'reason': value_json.data.reason, 'by': value_json.data.by}}|to_json }}}}"
        ),
    }
