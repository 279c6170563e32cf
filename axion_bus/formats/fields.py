"""The fields of an alert, by name, as an Alert: types and lengths checked, words understood, gaps filled from the context.

Every JSON format ends here; each brings its fields under our names. An absent field, null and a blank text are the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from axion_bus.domain.alert import NO_LABELS, Alert, AlertStatus
from axion_bus.domain.communication import Fault
from axion_bus.formats import limits
from axion_bus.formats.message import Unreadable, shown
from axion_bus.formats.severity import severity_of
from axion_bus.formats.strict_json import kind_of, place_of
from axion_bus.formats.times import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from axion_bus.domain.alert import Severity
    from axion_bus.formats.message import Context

TITLE = ("title", "summary", "message")
SOURCE = ("source", "host")
PACKAGE = ("package", "component", "service")
"""What a field is called, the name that counts first."""
NAMES = frozenset(
    {"id", "source", "title", "severity", "package", "description", "status", "dedup_key", "labels", "alert_guid", "occurred_at"}
)

_ALIASES = (TITLE, SOURCE, PACKAGE)
_ALIAS_NAMES = frozenset(name for names in _ALIASES for name in names[1:])
_STATUS = {form: status for status in AlertStatus for form in (status.value, status.value.lower())}
_GUID = re.compile(r"[!-~]+")
_NAMED = 10
_NO_REMARKS: tuple[str, ...] = ()


def below(name: str) -> str:
    """The place of a field that stands where its name says."""
    return f".{name}"


def alert(
    given: Mapping[str, object], context: Context, at: Callable[[str], str] = below, remarks: Iterable[str] = _NO_REMARKS
) -> Alert:
    """The alert that ``given`` describes; ``at`` says where a field came from. Raises Unreadable."""
    remarks = list(remarks)
    title = _text(given, TITLE, limits.TITLE, at)
    if title is None:
        raise Unreadable(Fault.MISSING_FIELD, at("title"), "an alert needs a title (or summary, or message)")
    return Alert(
        title=title,
        source=_text(given, SOURCE, limits.SOURCE, at) or context.source,
        package=_text(given, PACKAGE, limits.PACKAGE, at) or context.package,
        severity=_severity(given.get("severity"), context, at, remarks),
        status=_status(given.get("status"), at),
        description=_text(given, ("description",), limits.DESCRIPTION, at) or "",
        id=_key(given, "id", limits.ID, at),
        dedup_key=_key(given, "dedup_key", limits.DEDUP_KEY, at),
        alert_guid=_guid(given, at),
        labels=_labels(given.get("labels"), at),
        occurred_at=_occurred_at(given.get("occurred_at"), at, remarks),
        remarks=_NO_REMARKS if given.keys() <= NAMES and not remarks else (*remarks, *_leftovers(given)),
    )


def is_given(value: object) -> bool:
    """Whether a field says anything."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def _text(given: Mapping[str, object], names: tuple[str, ...], most: int, at: Callable[[str], str]) -> str | None:
    for name in names:
        value = given.get(name)
        if value is None or value == "":
            continue
        if type(value) is not str:
            _wrong_type(at(name), value, "a text")
        if len(value) > most:
            _too_long(at(name), len(value), most)
        if not value.isspace():
            return value
    return None


def _key(given: Mapping[str, object], name: str, most: int, at: Callable[[str], str]) -> str | None:
    """A text that things are found by; a whole number is taken as its digits."""
    if type(given.get(name)) is int:
        return _text({name: str(given[name])}, (name,), most, at)
    return _text(given, (name,), most, at)


def _guid(given: Mapping[str, object], at: Callable[[str], str]) -> str | None:
    guid = _text(given, ("alert_guid",), limits.ALERT_GUID, at)
    if guid is not None and not _GUID.fullmatch(guid):
        raise Unreadable(Fault.BAD_VALUE, at("alert_guid"), f"{shown(guid)} is not printable ASCII without spaces")
    return guid


def _severity(value: object, context: Context, at: Callable[[str], str], remarks: list[str]) -> Severity:
    if value is None or value == "":
        return context.severity
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        _wrong_type(at("severity"), value, "a text or a number")
    severity = severity_of(value)
    if severity is None:
        remarks.append(f"severity {shown(value)} is unknown, taken as {context.severity.name}")
        return context.severity
    return severity


def _status(value: object, at: Callable[[str], str]) -> AlertStatus:
    if value is None or value == "":
        return AlertStatus.FIRING
    if type(value) is not str:
        _wrong_type(at("status"), value, "a text")
    status = _STATUS.get(value) or _STATUS.get(value.strip().lower())
    if status is None:
        raise Unreadable(Fault.UNKNOWN_STATUS, at("status"), f"{shown(value)} is neither firing nor resolved")
    return status


def _labels(value: object, at: Callable[[str], str]) -> Mapping[str, str]:
    if value is None:
        return NO_LABELS
    if type(value) is not dict:
        _wrong_type(at("labels"), value, "an object")
    if len(value) > limits.LABELS:
        raise Unreadable(Fault.TOO_MANY, at("labels"), f"{len(value)} labels; an alert may have {limits.LABELS}")
    root = at("labels")
    return {name: text for name, each in value.items() if (text := label(name, each, root)) is not None}


def label(name: str, value: object, root: str) -> str | None:
    """A label's value as text; null is no label, and numbers, true and false are written as in JSON. Raises Unreadable."""
    if type(value) is not str:
        if value is None:
            return None
        if not isinstance(value, int | float):
            _wrong_type(place_of(root, name), value, "a text, a number, true or false")
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if len(value) > limits.LABEL_VALUE:
        _too_long(place_of(root, name), len(value), limits.LABEL_VALUE)
    if len(name) > limits.LABEL_NAME:
        _too_long(place_of(root, name), len(name), limits.LABEL_NAME)
    return value


def _occurred_at(value: object, at: Callable[[str], str], remarks: list[str]) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        _wrong_type(at("occurred_at"), value, "a time of RFC 3339, or seconds since 1970")
    try:
        return moment(value)
    except ValueError as exc:
        remarks.append(f"occurred_at {shown(value)} {exc}; it is left out")
        return None


def _leftovers(given: Mapping[str, object]) -> list[str]:
    """What is said of fields that were not looked at: other names of a field that is given already, and unknown ones."""
    remarks = []
    for first, *others in _ALIASES:
        names = [name for name in (first, *others) if is_given(given.get(name))]
        beside = [name for name in names[1:] if given[name] != given[names[0]]]
        if beside:
            remarks.append(f"{', '.join(beside)} ignored beside {names[0]}")
    unknown = sorted(given.keys() - NAMES - _ALIAS_NAMES)
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        remarks.append(f"unknown fields ignored: {', '.join(map(_short, unknown[:_NAMED]))}{more}")
    return remarks


def _short(name: str) -> str:
    return name if len(name) <= 40 and name.isprintable() else shown(name)


def _wrong_type(place: str, value: object, wanted: str) -> NoReturn:
    raise Unreadable(Fault.WRONG_TYPE, place, f"found {kind_of(value)}; wanted {wanted}")


def _too_long(place: str, found: int, most: int) -> NoReturn:
    raise Unreadable(Fault.TOO_LONG, place, f"{found} characters; {most} are allowed")
