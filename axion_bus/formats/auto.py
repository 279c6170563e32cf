"""A message whose format nobody named: look at it. JSON begins with { or with an array of objects; what is no JSON is text.

An object with a ``title`` is always ours: no other program's form has one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import alertmanager, cloudevents, nagios, pagerduty, parts, telegraf, text, zabbix
from axion_bus.formats.fields import alert
from axion_bus.formats.message import Element, Unreadable
from axion_bus.formats.strict_json import kind_of, read

if TYPE_CHECKING:
    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

# "[WARN] disk full" is a text, "[1, 2]" is JSON that is no alert; "[[" and "[{" are taken for JSON even if it is broken.
_ARRAY = re.compile(rb"\s*\[\s*[\[{\]]")

_OTHERS = (
    (pagerduty.is_event, pagerduty.event),
    (telegraf.is_metric, telegraf.metric),
    (zabbix.is_event, zabbix.event),
    (nagios.is_notification, nagios.notification),
)


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts in ``body``, in whatever format it has."""
    if (context.content_type or context.properties) and (cloudevents.is_structured(context) or cloudevents.is_binary(context)):
        return cloudevents.decode(body, context)
    if body.lstrip()[:1] == b"{":
        return _object(body, context)
    if _ARRAY.match(body):
        return parts.decode(body, context, _alert)
    if nagios.is_lines(body):
        return nagios.decode(body, context)
    return _text(body, context)


def _object(body: bytes, context: Context) -> list[Element]:
    if telegraf.is_batch(body):
        return telegraf.decode(body, context)
    if parts.is_lines(body):
        return parts.decode(body, context, _alert)
    try:
        value = parts.an_object(read(body))
        if type(value.get("alerts")) is list:
            return alertmanager.decode(body, context)
        return [Element(_alert(value, context), None)]
    except Unreadable as exc:
        if b'"alerts"' in body:
            return alertmanager.decode(body, context)  # what is broken may be one alert of a group
        return [Element(exc.below("$"), None)]


def _alert(value: dict[str, object], context: Context) -> Alert:
    if "specversion" in value:
        return cloudevents.event(value, context)
    if "title" not in value:
        for is_theirs, reader in _OTHERS:
            if is_theirs(value):
                return reader(value, context)
    return alert(value, context)


def _text(body: bytes, context: Context) -> list[Element]:
    """A text, unless it is JSON after all: a number or a quoted text is nobody's alert, but somebody's mistake."""
    try:
        value = read(body)
    except Unreadable as exc:
        return text.decode(body, context) if exc.fault is Fault.BAD_JSON else [Element(exc.below("$"), None)]
    fault = Unreadable(Fault.WRONG_TYPE, "$", f"found {kind_of(value)}; an alert is an object, or a text that is not JSON")
    return [Element(fault.below(""), None)]
