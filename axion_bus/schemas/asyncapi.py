"""The AsyncAPI 3.0 document of the bus: every topic, which way it goes, and what is on it, for the default base topic.

Made from what the daemon itself goes by: the kinds of events, the verbs, the types of ``formats.wire``. Printed by the shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.config.mqtt import Mqtt
from axion_bus.domain.events import EventKind
from axion_bus.formats import gateway
from axion_bus.formats.events import CONTENT_TYPE
from axion_bus.formats.wire import IncidentView, InstanceInfo, Summary
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.schemas.alert import EXAMPLES, alerts
from axion_bus.schemas.command import answer, command
from axion_bus.schemas.event import event_of
from axion_bus.schemas.hints import define

if TYPE_CHECKING:
    from axion_bus.schemas.hints import Schema

_ROOT = "#/components/schemas/"
_JSON = "application/json"


def document(version: str) -> Schema:
    """The document, of this ``version`` of the program."""
    made = _Document(Mqtt.model_fields["base_topic"].default)
    made.alerts()
    made.commands()
    made.replies()
    made.events()
    made.retained()
    made.notifications()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "axion-bus",
            "version": version,
            "description": (
                "Alerts on MQTT become incidents. Topics are those of the default base topic; everything is published and "
                "subscribed to at QoS 1. What is sent is sent by axion-bus, what is received is received by it."
            ),
        },
        "defaultContentType": _JSON,
        "channels": made.channels,
        "operations": made.operations,
        "components": {"messages": made.messages, "schemas": made.schemas},
    }


class _Document:
    """The document as it grows. Names are in camel case, as the specification's own are."""

    def __init__(self, base_topic: str) -> None:
        self._base = base_topic
        self.channels: Schema = {}
        self.operations: Schema = {}
        self.messages: Schema = {}
        self.schemas: dict[str, Schema] = {}

    def alerts(self) -> None:
        """What publishers send."""
        examples = [{"name": f"alert{number}", "payload": example} for number, example in enumerate(EXAMPLES, 1)]
        self.schemas["Alert"] = alerts()
        self._channel("alerts", "alerts/{source}/{package}", "An alert. What it does not say comes from the topic.", _of_a_source())
        self._message("alerts", "alert", {"$ref": f"{_ROOT}Alert"}, examples=examples)
        self._operation("receive", "alerts")

    def commands(self) -> None:
        """What programs and people ask for, and the answers."""
        self.schemas["Answer"] = answer(self.schemas, _ROOT)
        for verb in CATALOGUE:
            name, told = _camel(f"request-{verb}"), _camel(f"response-{verb}")
            self._channel(name, f"request/{verb}", "A command. It may not be retained.")
            self._message(name, name, command(verb))
            self._channel(told, f"response/{verb}", "Its answer; with MQTT 5, to the Response Topic of the command instead.")
            self._message(told, told, {"$ref": f"{_ROOT}Answer"})
            reply = {"channel": {"$ref": f"#/channels/{told}"}, "messages": [{"$ref": f"#/channels/{told}/messages/{told}"}]}
            self._operation("receive", name, reply=reply)
        self._channel("responseUnknown", "response/unknown", "The answer to a command that there is not.")
        self._message("responseUnknown", "responseUnknown", {"$ref": f"{_ROOT}Answer"})
        self._operation("send", "responseUnknown")

    def replies(self) -> None:
        """What gateways hand on."""
        parameters = {"channel": {"description": "The channel's name: `sms`, `email` ..."}}
        said = _object({"from": gateway.MAX_SENDER_CHARACTERS, "message": gateway.MAX_MESSAGE_CHARACTERS}, "external_id")
        self._channel("inbound", "inbound/{channel}", "A person's reply, from a gateway.", parameters)
        self._message("inbound", "reply", said)
        self._operation("receive", "inbound")
        became = _object({"reference": 64, "status": 64}, "error")
        self._channel("inboundStatus", "inbound/{channel}/status", "What became of a message that axion-bus sent.", parameters)
        self._message("inboundStatus", "deliveryStatus", became)
        self._operation("receive", "inboundStatus")

    def events(self) -> None:
        """What happened."""
        for kind in EventKind:
            name = _camel(kind.value.replace("/", "-"))
            self._channel(name, f"events/{kind}", "An event, never retained.")
            self._message(name, name, event_of(kind, self.schemas, _ROOT), content_type=CONTENT_TYPE)
            self._operation("send", name)

    def retained(self) -> None:
        """What is shown at any time."""
        guid = {"guid": {"description": "The incident's guid."}}
        instance = {"instance": {"description": "The instance's name."}}
        self._channel(
            "incidentState", "incidents/{guid}/state", "An open incident, retained; emptied some time after it closed.", guid
        )
        self._message("incidentState", "incident", define(IncidentView, self.schemas, _ROOT))
        self._channel("summary", "summary", "Counts of the open incidents, retained.")
        self._message("summary", "summary", define(Summary, self.schemas, _ROOT))
        self._channel("instanceState", "instances/{instance}/state", "Whether an instance is there, retained.", instance)
        self._message(
            "instanceState", "instanceState", {"type": "string", "enum": ["online", "offline"]}, content_type="text/plain"
        )
        self._channel("instanceInfo", "instances/{instance}/info", "What an instance tells about itself, retained.", instance)
        self._message("instanceInfo", "instanceInfo", define(InstanceInfo, self.schemas, _ROOT))
        for name in ("incidentState", "summary", "instanceState", "instanceInfo"):
            self._operation("send", name)

    def notifications(self) -> None:
        """What the channel MQTT has for displays."""
        texts = {name: {"type": "string"} for name in ("occasion", "reference", "title", "text")}
        payload = {
            "type": "object",
            "properties": {**texts, "incident": define(IncidentView, self.schemas, _ROOT)},
            "required": [*texts, "incident"],
            "additionalProperties": False,
        }
        recipient = {"recipient": {"description": "One of `to` in `[channels.mqtt]`."}}
        self._channel("notify", "notify/{recipient}", "A message to people, for a display or a program.", recipient)
        self._message("notify", "notification", payload)
        self._operation("send", "notify")

    def _channel(self, name: str, below: str, description: str, parameters: Schema | None = None) -> None:
        self.channels[name] = {"address": f"{self._base}/{below}", "description": description, "messages": {}}
        if parameters:
            self.channels[name]["parameters"] = parameters

    def _message(self, channel: str, name: str, payload: Schema, *, content_type: str = _JSON, **more: Any) -> None:
        self.messages[name] = {"name": name, "contentType": content_type, "payload": payload, **more}
        self.channels[channel]["messages"][name] = {"$ref": f"#/components/messages/{name}"}

    def _operation(self, action: str, channel: str, **more: Any) -> None:
        self.operations[f"{action}{channel[0].upper()}{channel[1:]}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "bindings": {"mqtt": {"qos": 1, "bindingVersion": "0.2.0"}},
            **more,
        }


def _of_a_source() -> Schema:
    return {
        "source": {"description": "What reports it; further levels may follow, or none."},
        "package": {"description": "What it is about."},
    }


def _object(texts: dict[str, int], optional: str) -> Schema:
    properties: Schema = {name: {"type": "string", "minLength": 1, "maxLength": most} for name, most in texts.items()}
    properties[optional] = {"type": ["string", "null"]}
    return {"type": "object", "properties": properties, "required": list(texts)}


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(other.capitalize() for other in others)
