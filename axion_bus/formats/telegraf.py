"""Telegraf's ``json``: a metric, or a batch of them in ``metrics``. A metric is an alert if it has a level or a status.

The other tags say which one it is. A measurement without a level is refused: thousands of them an hour are no alerts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axion_bus.domain.alert import digest
from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.encoding import text_of
from axion_bus.formats.fields import alert, is_given
from axion_bus.formats.fitting import labels_of, paragraphs, table, text_of_value, title_of
from axion_bus.formats.message import Element, Unreadable
from axion_bus.formats.strict_json import kind_of, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

_BATCH = re.compile(rb'\s*\{\s*"metrics"\s*:\s*\[')
_TITLES = ("message", "summary", "title")
_LEVELS = ("level", "severity")
_SAID = frozenset((*_TITLES, *_LEVELS, "status"))
"""Fields and tags that are read; as tags they are no part of the identity, for they change."""
_CLEAR = frozenset({"ok", "normal", "resolved"})
_STATUSES = frozenset({"firing", "resolved"})
_UNITS = (1, 10**3, 10**6, 10**9)
_LAST_S = 4_102_444_800
"""2100: a timestamp beyond it is in a smaller unit (json_timestamp_units)."""


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts in ``body``."""
    if not is_batch(body):
        return parts.decode(body, context, metric)
    try:
        rest, texts = parts.cut_member(text_of(body), "metrics")
        read(rest.encode())
        return parts.decode_elements(texts, "$.metrics", context, metric)
    except Unreadable as exc:
        return [Element(exc.below("$"), None)]


def is_batch(body: bytes) -> bool:
    """Whether ``body`` begins as a batch does."""
    return _BATCH.match(body) is not None


def is_metric(value: Mapping[str, object]) -> bool:
    """Whether ``value`` is a metric and nothing else."""
    return type(value.get("fields")) is dict and type(value.get("tags")) is dict and "name" in value and "timestamp" in value


def metric(value: dict[str, object], context: Context) -> Alert:
    """The alert in the metric ``value``. Raises Unreadable."""
    name = value.get("name")
    if not is_given(name):
        raise Unreadable(Fault.MISSING_FIELD, ".name", "a metric has a name")
    if not isinstance(name, str):
        raise Unreadable(Fault.WRONG_TYPE, ".name", f"found {kind_of(name)}; wanted a text")
    tags, fields = table(value, "tags"), table(value, "fields")
    level_at, level = _first(fields, tags, _LEVELS)
    status = _status(level, _first(fields, tags, ("status",))[1])
    title_at, said = _first(fields, tags, _TITLES)
    title, more, remarks = title_of(said if is_given(said) else _name(name, tags))
    labels, lines = labels_of(tags)
    given = {
        "title": title,
        "source": tags.get("host"),
        "package": name,
        "severity": None if _word(level) in _CLEAR else level,
        "status": status,
        "description": paragraphs((more, *_lines(fields), *lines)),
        "dedup_key": _key(name, tags),
        "labels": labels,
        "occurred_at": _seconds(value.get("timestamp")),
    }
    places = {"title": title_at, "source": ".tags.host", "package": ".name", "severity": level_at, "labels": ".tags"}
    places["occurred_at"] = ".timestamp"
    return alert(given, context, lambda field: places.get(field, f".{field}"), remarks)


def _first(fields: Mapping[str, object], tags: Mapping[str, object], names: tuple[str, ...]) -> tuple[str, object]:
    """Where the first of ``names`` stands that says something, and what."""
    for place, members in (("fields", fields), ("tags", tags)):
        for name in names:
            if is_given(members.get(name)):
                return f".{place}.{name}", members[name]
    return f".fields.{names[0]}", None


def _status(level: object, status: object) -> str:
    if _word(status) in _STATUSES:
        return _word(status)
    if not is_given(level):
        detail = "a measurement, no alert: it has no level, and no status that is firing or resolved"
        raise Unreadable(Fault.MISSING_FIELD, ".fields.level", detail)
    return "resolved" if _word(level) in _CLEAR else "firing"


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _key(name: str, tags: Mapping[str, object]) -> str:
    named = (part for tag in sorted(tags.keys() - _SAID) for part in (tag, text_of_value(tags[tag])))
    return digest("telegraf", (name, *named))


def _name(name: str, tags: Mapping[str, object]) -> str:
    """What the metric is called: without its values, which differ each time, and without its host, which is the source."""
    told = (f"{tag}={text_of_value(tags[tag])}" for tag in sorted(tags.keys() - _SAID - {"host"}))
    return " ".join((name, *told))


def _lines(fields: Mapping[str, object]) -> list[str]:
    return [f"{name}: {text_of_value(value)}" for name, value in fields.items() if name not in _SAID and is_given(value)]


def _seconds(timestamp: object) -> object:
    if not isinstance(timestamp, int | float) or isinstance(timestamp, bool) or abs(timestamp) > _LAST_S * _UNITS[-1]:
        return timestamp
    return next((timestamp / unit for unit in _UNITS if 0 <= timestamp / unit < _LAST_S), timestamp)
