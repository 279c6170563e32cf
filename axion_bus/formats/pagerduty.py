"""PagerDuty's Events API v2, whose payload is PD-CEF: what programs send that can page by PagerDuty.

The routing key is not looked at: it is somebody's secret and says nothing about the alert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.fields import alert, is_given
from axion_bus.formats.fitting import labels_of, paragraphs, table, text_of_value, title_of
from axion_bus.formats.message import Unreadable, shown
from axion_bus.formats.strict_json import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context, Element

_STATUS = {"trigger": "firing", "resolve": "resolved"}
_PLACES = {
    "title": ".payload.summary",
    "source": ".payload.source",
    "package": ".payload.component",
    "severity": ".payload.severity",
    "occurred_at": ".payload.timestamp",
    "labels": ".payload.custom_details",
    "status": ".event_action",
}


def decode(body: bytes, context: Context) -> list[Element]:
    """The alert in the event that ``body`` is."""
    return parts.decode(body, context, event)


def is_event(value: Mapping[str, object]) -> bool:
    """Whether ``value`` is such an event and nothing else."""
    return "event_action" in value and ("routing_key" in value or type(value.get("payload")) is dict)


def event(value: dict[str, object], context: Context) -> Alert:
    """The alert in the event ``value``. Raises Unreadable."""
    status = _status(value.get("event_action"))
    payload = table(value, "payload")
    title, more, remarks = title_of(payload.get("summary"))
    places = _PLACES
    if status == "resolved" and not is_given(title):
        title, places = _key(value), {**_PLACES, "title": ".dedup_key"}
    if not is_given(payload.get("component")):
        places = {**places, "package": ".payload.group"}
    labels, lines = _details(payload)
    given = {
        "title": title,
        "source": payload.get("source"),
        "package": payload.get("component") or payload.get("group"),
        "severity": payload.get("severity"),
        "status": status,
        "description": paragraphs((more, *lines, *_links(value))),
        "dedup_key": value.get("dedup_key"),
        "labels": labels,
        "occurred_at": payload.get("timestamp"),
    }
    return alert(given, context, lambda field: places.get(field, f".{field}"), remarks)


def _status(action: object) -> str:
    if not is_given(action):
        raise Unreadable(Fault.MISSING_FIELD, ".event_action", "an event triggers or resolves")
    if not isinstance(action, str):
        raise Unreadable(Fault.WRONG_TYPE, ".event_action", f"found {kind_of(action)}; wanted a text")
    status = _STATUS.get(action.strip().lower())
    if status is None:
        detail = f"{shown(action)} is neither trigger nor resolve; an incident is acknowledged by axion/request/acknowledge"
        raise Unreadable(Fault.UNKNOWN_STATUS, ".event_action", detail)
    return status


def _key(value: Mapping[str, object]) -> object:
    """A resolve need not say what it is about; its key stands for it."""
    key = value.get("dedup_key")
    if not is_given(key):
        raise Unreadable(Fault.MISSING_FIELD, ".dedup_key", "a resolve without it, and without a summary, resolves nothing")
    return key


def _details(payload: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    details = payload.get("custom_details")
    known = {name: payload[name] for name in ("class", "group") if is_given(payload.get(name))}
    if isinstance(details, dict):
        return labels_of({**details, **known})
    labels, lines = labels_of(known)
    return labels, [*lines, *([text_of_value(details)] if is_given(details) else [])]


def _links(value: Mapping[str, object]) -> Iterator[str]:
    """What people may click on."""
    links = value.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and is_given(link.get("href")):
            yield f"{text_of_value(link.get('text') or 'link')}: {text_of_value(link['href'])}"
    if is_given(value.get("client_url")):
        yield f"{text_of_value(value.get('client') or 'client')}: {text_of_value(value['client_url'])}"
