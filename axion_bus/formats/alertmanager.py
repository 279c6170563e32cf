"""Prometheus Alertmanager's webhook, version 4: a group of alerts in one message; Grafana sends the same.

Its fingerprint is our dedup_key. It gives an event no id, so a message that is delivered twice counts twice.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.encoding import text_of
from axion_bus.formats.fields import alert, is_given
from axion_bus.formats.message import Element, Unreadable
from axion_bus.formats.strict_json import kind_of, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

_FROM = {
    "title": ("annotations.summary", "labels.alertname"),
    "source": ("labels.instance", "labels.job"),
    "package": ("labels.package", "labels.service", "labels.component"),
    "severity": ("labels.severity",),
    "description": ("annotations.description", "annotations.message"),
    "dedup_key": ("fingerprint",),
}
_TOLD = frozenset({"summary", "description", "message"})
_NEVER = "0001-01-01"
"""How Go writes that there is no time."""


def decode(body: bytes, context: Context) -> list[Element]:
    """The alerts of the group that ``body`` is."""
    try:
        envelope_text, texts = parts.cut_member(text_of(body), "alerts")
        envelope = parts.an_object(read(envelope_text.encode()))
        return parts.decode_elements(texts, "$.alerts", context, partial(_alert, envelope=envelope))
    except Unreadable as exc:
        return [Element(exc.below("$"), None)]


def _alert(value: dict[str, object], context: Context, envelope: Mapping[str, object]) -> Alert:
    tables = {name: _table(value, name) for name in ("labels", "annotations")}
    known = {"fingerprint": value.get("fingerprint")} | {
        f"{table}.{name}": each for table, members in tables.items() for name, each in members.items()
    }
    given: dict[str, object] = {"labels": tables["labels"], "status": value.get("status") or envelope.get("status")}
    places = {}
    for field, names in _FROM.items():
        places[field] = next((name for name in names if known.get(name) not in (None, "")), names[0])
        given[field] = known.get(places[field])
    given["description"] = _description(given["description"], tables["annotations"])
    places["occurred_at"] = "endsAt" if str(given["status"]).lower() == "resolved" else "startsAt"
    time = value.get(places["occurred_at"])
    given["occurred_at"] = None if isinstance(time, str) and time.startswith(_NEVER) else time
    return alert(given, context, lambda field: f".{places.get(field, field)}", _remarks(envelope))


def _table(value: Mapping[str, object], name: str) -> dict[str, object]:
    table = value.get(name)
    if table is None:
        return {}
    if type(table) is not dict:
        raise Unreadable(Fault.WRONG_TYPE, f".{name}", f"found {kind_of(table)}; wanted an object")
    return table


def _description(text: object, annotations: Mapping[str, object]) -> object:
    """``text`` and, for people, the annotations that have no field here: a runbook, a dashboard."""
    if text is not None and not isinstance(text, str):
        return text
    others = (f"{name}: {each}" for name, each in annotations.items() if name not in _TOLD and is_given(each))
    return "\n".join(filter(None, (text, *others)))


def _remarks(envelope: Mapping[str, object]) -> list[str]:
    left_out = envelope.get("truncatedAlerts")
    return [f"Alertmanager left out {left_out} alerts of this group"] if isinstance(left_out, int) and left_out > 0 else []
