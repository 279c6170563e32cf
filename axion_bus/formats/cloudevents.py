"""CloudEvents 1.0 whose data is an alert: structured (JSON event format) and, with MQTT 5, binary (MQTT binding 3.1).

The event says what happened where and when (id, source, time, subject, severity); its data, in our own JSON or as text, the rest.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.encoding import text_of
from axion_bus.formats.fields import PACKAGE, alert, is_given, label
from axion_bus.formats.message import Element, Unreadable, shown
from axion_bus.formats.severity import severity_of, severity_of_number
from axion_bus.formats.strict_json import kind_of, read
from axion_bus.formats.text import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

_REQUIRED = ("specversion", "id", "source", "type")
_NO_LABEL = frozenset(
    (*_REQUIRED, "datacontenttype", "dataschema", "subject", "time", "data", "data_base64", "severitytext", "severitynumber")
)
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")
_RESOLVED = ".resolved"
_STRUCTURED = frozenset({"application/cloudevents", "application/cloudevents+json", "application/cloudevents-batch+json"})


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts in ``body``: structured if its Content Type says so or no user property is an attribute, else binary."""
    names = {name for name, _ in context.properties}
    if is_structured(context) or names.isdisjoint(_REQUIRED):
        return _structured(body, context)
    return _binary(body, context)


def is_structured(context: Context) -> bool:
    """Whether the Content Type is that of a whole event."""
    return _media(context.content_type).startswith("application/cloudevents")


def is_binary(context: Context) -> bool:
    """Whether the user properties hold all attributes that an event must have."""
    return {name for name, _ in context.properties}.issuperset(_REQUIRED)


def event(value: Mapping[str, object], context: Context) -> Alert:
    """The alert in the structured event ``value``. Raises Unreadable."""
    _check(value, "")
    return _alert(value, _data(value), context, "", ".data")


def _structured(body: bytes, context: Context) -> list[Element]:
    media = _media(context.content_type)
    if media.startswith("application/cloudevents") and media not in _STRUCTURED:
        fault = Unreadable(Fault.BAD_VALUE, "content_type", f"{shown(media)} is not read; send application/cloudevents+json")
        return [Element(fault.below(""), None)]
    return parts.decode(body, context, event)


def _binary(body: bytes, context: Context) -> list[Element]:
    try:
        attributes = _attributes(context)
        _check(attributes, "properties")
        data = _payload(body, is_json=_is_json(context.content_type, "content_type"))
        return [Element(_alert(attributes, data, context, "properties", "$"), None)]
    except Unreadable as exc:
        return [Element(exc.below("$"), None)]


def _attributes(context: Context) -> dict[str, object]:
    """The user properties that have an attribute's name; others are somebody else's."""
    attributes: dict[str, object] = {}
    for name, value in context.properties:
        if not _ATTRIBUTE.fullmatch(name) or name == "data":
            continue
        if name in attributes:
            raise Unreadable(Fault.DUPLICATE_KEY, f"properties.{name}", "the same user property twice")
        if "\0" in value:
            raise Unreadable(Fault.NUL, f"properties.{name}", "holds a NUL character")
        attributes[name] = value
    return attributes


def _check(attributes: Mapping[str, object], at: str) -> None:
    for name in _REQUIRED:
        value = attributes.get(name)
        if not is_given(value):
            raise Unreadable(Fault.MISSING_FIELD, f"{at}.{name}", "a CloudEvent has to have it")
        if type(value) is not str:
            raise Unreadable(Fault.WRONG_TYPE, f"{at}.{name}", f"found {kind_of(value)}; wanted a text")
    if attributes["specversion"] != "1.0":
        raise Unreadable(Fault.BAD_VALUE, f"{at}.specversion", f"{shown(attributes['specversion'])} is not read; send 1.0")


def _data(value: Mapping[str, object]) -> Mapping[str, object] | str:
    encoded = value.get("data_base64")
    if encoded is not None:
        return _decoded(encoded, value.get("datacontenttype"))
    data = value.get("data")
    if data is None:
        raise Unreadable(Fault.MISSING_FIELD, ".data", "an alert is described in an event's data")
    if isinstance(data, dict | str):
        return data
    raise Unreadable(Fault.WRONG_TYPE, ".data", f"found {kind_of(data)}; wanted an object or a text")


def _decoded(encoded: object, content_type: object) -> Mapping[str, object] | str:
    is_json = _is_json(content_type if isinstance(content_type, str) else None, ".datacontenttype")
    try:
        body = b64decode(encoded if isinstance(encoded, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(Fault.BAD_VALUE, ".data_base64", "not Base64") from None
    try:
        return _payload(body, is_json=is_json)
    except Unreadable as exc:
        raise Unreadable(exc.fault, f".data_base64{exc.place}", exc.detail) from None


def _is_json(content_type: str | None, at: str) -> bool:
    """Whether data of this type is JSON, else it is text. Raises Unreadable where it is neither."""
    media = _media(content_type)
    if media in ("", "application/json", "text/json") or media.endswith("+json"):
        return True
    if media.startswith("text/"):
        return False
    raise Unreadable(Fault.BAD_VALUE, at, f"data of type {shown(media)} is not read; send JSON or text")


def _payload(body: bytes, *, is_json: bool) -> Mapping[str, object] | str:
    if not is_json:
        return text_of(body)
    value = read(body)
    return value if isinstance(value, str) else parts.an_object(value)


def _alert(
    attributes: Mapping[str, object], data: Mapping[str, object] | str, context: Context, attributes_at: str, data_at: str
) -> Alert:
    given = fields_of(data, data_at) if isinstance(data, str) else {**data}
    own = _own_fields(attributes, given)
    twice = [name for name in ("id", "source") if given.get(name) not in (None, attributes[name])]
    given.update((name, value) for name, (_, value) in own.items())
    labels = given.get("labels")
    if labels is None or isinstance(labels, dict):
        given["labels"] = {**_extensions(attributes, attributes_at), **(labels or {})}

    def at(name: str) -> str:
        if name in own:
            return f"{attributes_at}.{own[name][0]}"
        return data_at if isinstance(data, str) else f"{data_at}.{name}"

    return alert(given, context, at, [f"{name} in the data ignored beside the event's own" for name in twice])


def _own_fields(attributes: Mapping[str, object], data: Mapping[str, object]) -> dict[str, tuple[str, object]]:
    """The fields that the attributes tell, each with its attribute's name; of the rest the data tells more."""
    own = {name: (name, attributes[name]) for name in ("id", "source")}
    if not any(is_given(data.get(name)) for name in PACKAGE):
        own["package"] = "subject", attributes.get("subject")
    if is_given(attributes.get("time")):
        own["occurred_at"] = "time", attributes["time"]
    severity = _severity(attributes, data.get("severity"))
    if severity is not None:
        own["severity"] = "severitytext", severity
    if str(attributes["type"]).endswith(_RESOLVED) and not is_given(data.get("status")):
        own["status"] = "type", "resolved"
    return own


def _severity(attributes: Mapping[str, object], in_data: object) -> str | None:
    """What the event's own attributes say, unless only the data says something that is known."""
    number = attributes.get("severitynumber")
    if type(number) is int or (isinstance(number, str) and number.isdecimal() and len(number) < 3):
        found = severity_of_number(int(number))
        if found is not None:
            return found.name
    text = attributes.get("severitytext")
    if not isinstance(text, str) or not text.strip():
        return None
    known = severity_of(text) is not None or not is_given(in_data)
    return text if known else None


def _extensions(attributes: Mapping[str, object], at: str) -> dict[str, str]:
    others = ((name, value) for name, value in attributes.items() if name not in _NO_LABEL)
    return {name: text for name, value in others if (text := label(name, value, at)) is not None}


def _media(content_type: str | None) -> str:
    return content_type.partition(";")[0].strip().lower() if content_type else ""
