"""Zabbix in its two forms: a media type's parameters, named as Zabbix's own media types name macros, and the export of events.

The export is JSON, one event a line (real-time export, connectors). Event ids are a server's own, so a key begins with the source
that the topic names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.fields import alert, is_given
from axion_bus.formats.fitting import labels_of, paragraphs, text_of_value, title_of
from axion_bus.formats.message import Element, Unreadable, shown
from axion_bus.formats.strict_json import kind_of, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

_UNRESOLVED = re.compile(r"\*UNKNOWN\*|\{[A-Z][A-Z0-9.<>]*\}")
"""How a macro that has no value comes out, or one that nobody knows."""
_STATUS = {"1": "firing", "0": "resolved"}
_PACKAGE_TAGS = ("package", "service", "component")


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts in ``body``: an object, an array of them, or one on each line."""
    return parts.decode(body, context, event)


def is_event(value: Mapping[str, object]) -> bool:
    """Whether ``value`` is an event of Zabbix and nothing else."""
    return value.keys() >= {"event_id", "event_value"} or value.keys() >= {"eventid", "clock", "value"}


def event(value: dict[str, object], context: Context) -> Alert:
    """The alert in ``value``. Raises Unreadable."""
    return _exported(value, context) if "eventid" in value else _sent(value, context)


def _sent(value: Mapping[str, object], context: Context) -> Alert:
    """What a media type sent: each parameter a text, an update of a problem a repeat."""
    told = {name: each for name, each in value.items() if _is_told(each)}
    title, rest, remarks = title_of(told.get("event_name") or told.get("alert_subject"))
    tags = _tags(told.get("event_tags_json") or told.get("event_tags"))
    if "trigger_id" in told:
        tags.setdefault("trigger_id", text_of_value(told["trigger_id"]))
    labels, lines = labels_of(tags)
    opdata = f"operational data: {text_of_value(told['event_opdata'])}" if "event_opdata" in told else ""
    more = (text_of_value(told.get(name, "")) for name in ("trigger_description", "event_update_message"))
    severity_at = _severity_at(told)
    given = {
        "title": title,
        "source": told.get("host_name") or told.get("host_host"),
        "package": _package(tags),
        "severity": told.get(severity_at),
        "status": _status(told, "event_value"),
        "description": paragraphs((rest, *more, opdata, *lines)),
        "dedup_key": _key(told, "event_id", context),
        "labels": labels,
    }
    places = {"title": ".event_name", "source": ".host_name", "package": ".event_tags", "severity": f".{severity_at}"}
    places |= {"dedup_key": ".event_id", "labels": ".event_tags"}
    return alert(given, context, lambda field: places.get(field, f".{field}"), remarks)


def _exported(value: Mapping[str, object], context: Context) -> Alert:
    """What an export tells: a recovery has only the number of the problem that is over."""
    status = _status(value, "value")
    key_at = "p_eventid" if status == "resolved" else "eventid"
    key = _key(value, key_at, context)
    name = value.get("name")
    title, rest, remarks = title_of(name if is_given(name) or status == "firing" else f"Zabbix problem {value[key_at]}")
    tags, hosts = _tags(value.get("tags")), _hosts(value)
    if len(hosts) > 1:
        tags.setdefault("hosts", ", ".join(hosts))
    groups = value.get("groups")
    if isinstance(groups, list):
        tags.setdefault("groups", ", ".join(map(text_of_value, groups)))
    labels, lines = labels_of(tags)
    given = {
        "id": _key(value, "eventid", context),
        "title": title,
        "source": hosts[0] if hosts else None,
        "package": _package(tags),
        "severity": value.get("severity"),
        "status": status,
        "description": paragraphs((rest, *lines)),
        "dedup_key": key,
        "labels": labels,
        "occurred_at": _time(value),
    }
    places = {"id": ".eventid", "title": ".name", "source": ".hosts[0]", "package": ".tags", "labels": ".tags"}
    places |= {"status": ".value", "dedup_key": f".{key_at}", "occurred_at": ".clock"}
    return alert(given, context, lambda field: places.get(field, f".{field}"), remarks)


def _is_told(value: object) -> bool:
    return is_given(value) and not (isinstance(value, str) and _UNRESOLVED.fullmatch(value.strip()))


def _status(value: Mapping[str, object], name: str) -> str:
    found = value.get(name)
    if not is_given(found):
        raise Unreadable(Fault.MISSING_FIELD, f".{name}", "an event has a value: 1 is a problem, 0 its recovery")
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise Unreadable(Fault.WRONG_TYPE, f".{name}", f"found {kind_of(found)}; wanted 1 or 0")
    status = _STATUS.get(str(found).strip())
    if status is None:
        raise Unreadable(Fault.UNKNOWN_STATUS, f".{name}", f"{shown(found)} is neither 1, a problem, nor 0, its recovery")
    return status


def _key(value: Mapping[str, object], name: str, context: Context) -> str:
    """The problem's number, which its recovery has too, below the name of its server."""
    number = value.get(name)
    if not is_given(number):
        raise Unreadable(Fault.MISSING_FIELD, f".{name}", "without the problem's number nothing ties its recovery to it")
    if not isinstance(number, str | int) or isinstance(number, bool):
        raise Unreadable(Fault.WRONG_TYPE, f".{name}", f"found {kind_of(number)}; wanted a number")
    return f"{context.source}/{str(number).strip()}"


def _severity_at(told: Mapping[str, object]) -> str:
    """Which parameter has the severity: a new one that a person gave, the number, or the name, which can be changed in Zabbix."""
    is_update = str(told.get("event_update_status", "")).strip() == "1"
    names = ("event_update_nseverity",) if is_update else ()
    return next((name for name in (*names, "event_nseverity") if name in told), "event_severity")


def _tags(given: object) -> dict[str, object]:
    """Tags as JSON, as JSON in a text ({EVENT.TAGSJSON}) or as ``name:value, name:value`` ({EVENT.TAGS})."""
    if isinstance(given, str) and given.lstrip()[:1] == "[":
        try:
            given = read(given.encode())
        except Unreadable:  # a page must not fail for its decoration
            return {"tags": given}
    pairs = _pairs(given) if isinstance(given, list) else _split(given) if isinstance(given, str) else []
    tags: dict[str, list[str]] = {}
    for name, value in pairs:
        tags.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in tags.items()}


def _pairs(given: list[object]) -> list[tuple[str, str]]:
    tags = (each for each in given if isinstance(each, dict) and is_given(each.get("tag")))
    return [(text_of_value(each["tag"]), text_of_value(each.get("value") or "")) for each in tags]


def _split(given: str) -> list[tuple[str, str]]:
    tags = (each.partition(":") for each in given.split(", "))
    return [(name.strip(), value) for name, _, value in tags if name.strip()]


def _package(tags: Mapping[str, object]) -> object:
    return next((tags[name] for name in _PACKAGE_TAGS if is_given(tags.get(name))), None)


def _hosts(value: Mapping[str, object]) -> list[str]:
    """The visible names of the hosts that the trigger is about."""
    hosts = value.get("hosts")
    names = []
    for host in hosts if isinstance(hosts, list) else []:
        name = (host.get("name") or host.get("host")) if isinstance(host, dict) else host
        if is_given(name):
            names.append(text_of_value(name))
    return names


def _time(value: Mapping[str, object]) -> object:
    clock, ns = value.get("clock"), value.get("ns")
    if type(clock) is int and type(ns) is int and 0 <= ns < 10**9 and 0 <= clock < 10**11:
        return clock + ns / 10**9
    return clock
