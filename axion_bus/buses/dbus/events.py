"""An event of the outbox as the signal that tells it on D-Bus. Pure; called by the bus for each row that the relay hands it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbus_next.message import Message

from axion_bus.buses.dbus import values
from axion_bus.buses.dbus.interfaces import MANAGER, MANAGER_INTERFACE, ROOT
from axion_bus.domain.incident import IncidentStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE = "org.axion.bus."
_SIGNATURES = {signal.name: signal.signature for signal in MANAGER_INTERFACE.signals}


def signal_of(event: Mapping[str, Any]) -> Message | None:
    """The signal for a CloudEvent of ours; None: D-Bus has none for it."""
    noun, _, verb = event["type"].removeprefix(_TYPE).removesuffix(".v1").partition(".")
    match noun:
        case "incident":
            return _of_incident(event, verb)
        case "communication":
            return _of_communication(event, verb)
        case _:
            return None


def _of_incident(event: Mapping[str, Any], verb: str) -> Message:
    incident = event["data"]["incident"]
    guid, told = incident["incident_guid"], values.variants({**incident, **_circumstances(event)})
    if verb == "created":
        return _signal("IncidentCreated", guid, told)
    if verb in ("closed", "merged") and incident["status"] == IncidentStatus.CLOSED:
        return _signal("IncidentClosed", guid, told)
    return _signal("IncidentChanged", guid, verb, told)


def _of_communication(event: Mapping[str, Any], verb: str) -> Message:
    incident = event["data"].get("incident") or {}
    told = {"status": verb.upper(), "incident_guid": incident.get("incident_guid"), **_circumstances(event)}
    return _signal("CommunicationRecorded", event["data"]["change"]["new"], values.variants(told))


def _circumstances(event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says beside what it is about: when it is told again, ``event_id`` is the same."""
    data, change = event["data"], event["data"].get("change", {})
    sequence = event.get("sequence")
    return {
        "event_id": event["id"],
        "sequence": None if sequence is None else int(sequence),
        "reason": data["reason"],
        "by": data["by"],
        "old": change.get("old"),
        "new": change.get("new"),
    }


def _signal(name: str, *body: Any) -> Message:
    return Message.new_signal(ROOT, MANAGER, name, _SIGNATURES[name], list(body))
