"""Nagios and Icinga: macros by their names, as JSON or as lines ``NAGIOS_HOSTNAME=web-1``, which a shell can print without quoting.

What holds is told by the state, not by the kind of notification: an acknowledgement of what is CRITICAL is a repeat.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import parts
from axion_bus.formats.encoding import text_of
from axion_bus.formats.fields import alert, is_given
from axion_bus.formats.fitting import paragraphs, title_of
from axion_bus.formats.message import Element, Unreadable, shown
from axion_bus.formats.strict_json import kind_of, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context

_PREFIX = re.compile(r"NAGIOS_|ICINGA_")
_LINE = re.compile(r"(?:NAGIOS|ICINGA)_([A-Z0-9_]{1,64})=(.*)")
_LINES = re.compile(rb"\s*(?:NAGIOS|ICINGA)_[A-Z0-9_]{1,64}=")
_MACRO = re.compile(r"\$[A-Z0-9_:]*\$")
"""A macro that was not replaced: there is none of that name here."""
_SECONDS = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,9})?")
_STATES = {
    "OK": ("resolved", None),
    "UP": ("resolved", None),
    "WARNING": ("firing", "MEDIUM"),
    "CRITICAL": ("firing", "CRITICAL"),
    "UNKNOWN": ("firing", "LOW"),
    "DOWN": ("firing", "CRITICAL"),
    "UNREACHABLE": ("firing", "HIGH"),
}
"""Status and severity of each state of a service, and of a host."""
_USUAL = frozenset({"PROBLEM", "RECOVERY"})
_LABELS = {"HOSTADDRESS": "address", "HOSTGROUPNAMES": "hostgroups", "SERVICEGROUPNAMES": "servicegroups"}


def decode(body: bytes, context: Context) -> list[Element]:
    """The alert in ``body``."""
    if body.lstrip()[:1] in (b"{", b"["):
        return parts.decode(body, context, notification)
    try:
        return [Element(_alert(_read(text_of(body)), context, ""), None)]
    except Unreadable as exc:
        return [Element(exc.below(""), None)]


def is_lines(body: bytes) -> bool:
    """Whether ``body`` begins with a line of that form."""
    return _LINES.match(body) is not None


def is_notification(value: Mapping[str, object]) -> bool:
    """Whether ``value`` is a notification and nothing else."""
    return any(value.keys() >= {f"{each}HOSTNAME", f"{each}NOTIFICATIONTYPE"} for each in ("", "NAGIOS_", "ICINGA_"))


def notification(value: dict[str, object], context: Context) -> Alert:
    """The alert in the macros of ``value``. Raises Unreadable."""
    macros: dict[str, str] = {}
    for name, each in value.items():
        macro = _PREFIX.sub("", name, count=1) if _PREFIX.match(name) else name
        if each is not None and (not isinstance(each, str | int) or isinstance(each, bool)):
            raise Unreadable(Fault.WRONG_TYPE, place_of("", name), f"found {kind_of(each)}; wanted a text")
        if macro in macros:
            raise Unreadable(Fault.DUPLICATE_KEY, place_of("", name), f"the macro {macro} twice")
        macros[macro] = "" if each is None else str(each)
    return _alert(macros, context, ".")


def _read(text: str) -> dict[str, str]:
    """The macros of lines; a line that names none goes on with the one before it."""
    if "\0" in text:
        raise Unreadable(Fault.NUL, "", "holds a NUL character")
    macros: dict[str, list[str]] = {}
    last: list[str] | None = None
    for number, line in enumerate(text.strip().replace("\r\n", "\n").split("\n"), 1):
        found = _LINE.fullmatch(line)
        if found is None and last is None:
            raise Unreadable(Fault.BAD_VALUE, f"line {number}", f"{shown(line)} is not of the form NAGIOS_NAME=value")
        if found is None and last is not None:
            last.append(line)
        elif found is not None and found[1] in macros:
            raise Unreadable(Fault.DUPLICATE_KEY, f"line {number}", f"the macro {found[1]} twice")
        elif found is not None:
            last = macros[found[1]] = [found[2]]
    return {name: "\n".join(texts) for name, texts in macros.items()}


def _alert(macros: Mapping[str, str], context: Context, at: str) -> Alert:
    told = {name: value.strip() for name, value in macros.items() if is_given(value) and not _MACRO.fullmatch(value.strip())}
    host, service = told.get("HOSTNAME"), told.get("SERVICEDESC")
    if host is None:
        raise Unreadable(Fault.MISSING_FIELD, f"{at}HOSTNAME", "nothing says which host it is")
    kind = "SERVICE" if service else "HOST"
    status, severity, state = _state(told, kind, at)
    title, more, said = title_of(f"{service or host}: {told.get(f'{kind}OUTPUT') or state}")
    long = told.get(f"LONG{kind}OUTPUT", "").replace("\\n", "\n")
    given = {
        "title": title,
        "source": host,
        "package": service or "HOST",
        "severity": severity,
        "status": status,
        "description": paragraphs((more, long, _comment(told, kind), told.get(f"{kind}NOTESURL", ""))),
        "dedup_key": f"{host};{service}" if service else host,
        "labels": {label: told[name] for name, label in _LABELS.items() if name in told},
        "occurred_at": _time(told.get(f"LAST{kind}STATECHANGE") or told.get("TIMET")),
    }
    identity = "SERVICEDESC" if service else "HOSTNAME"
    places = {"title": f"{kind}OUTPUT", "source": "HOSTNAME", "package": identity, "dedup_key": identity}
    places |= {"description": f"LONG{kind}OUTPUT", "labels": "HOSTGROUPNAMES"}
    remarks = list(said)
    sort = told.get("NOTIFICATIONTYPE", "PROBLEM").upper()
    if sort not in _USUAL:
        remarks.append(f"a notification of type {shown(sort)}, read by the state of what it is about")
    return alert(given, context, lambda field: at + places.get(field, field), remarks)


def _state(told: Mapping[str, str], kind: str, at: str) -> tuple[str, str | None, str]:
    """Status, severity and the word for both; a notification without a state is what its type says."""
    place = f"{at}{kind}STATE"
    word = told.get(f"{kind}STATE", "").upper()
    if not word:
        word = {"PROBLEM": "PROBLEM", "RECOVERY": "OK"}.get(told.get("NOTIFICATIONTYPE", "").upper(), "")
        if not word:
            raise Unreadable(Fault.MISSING_FIELD, place, "neither a state, nor a type that is PROBLEM or RECOVERY")
        if word == "PROBLEM":
            return "firing", None, word
    if word not in _STATES:
        raise Unreadable(Fault.UNKNOWN_STATUS, place, f"{shown(word)} is none of {', '.join(_STATES)}")
    return *_STATES[word], word


def _comment(told: Mapping[str, str], kind: str) -> str:
    """What a person wrote with an acknowledgement or a downtime."""
    text = told.get("NOTIFICATIONCOMMENT") or told.get(f"{kind}ACKCOMMENT") or ""
    author = told.get("NOTIFICATIONAUTHOR") or told.get(f"{kind}ACKAUTHOR") or ""
    return f"{author}: {text}" if text and author else text


def _time(text: str | None) -> object:
    """Seconds since 1970, with a fraction from Icinga; 0 is how Nagios says that there was no change yet."""
    if text is None or not _SECONDS.fullmatch(text):
        return text
    return float(text) or None
