"""The kinds of value that a key of the configuration may have: numbers, texts, durations, topics; each says what is allowed.

Bounds stand at the key (``Field(ge=..)``). A kind that pydantic cannot put into words carries an ``Allowed``; the faults and
``docs/configuration.md`` are written from it. Used by the sections in this package only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StringConstraints
from pydantic_core import PydanticCustomError, core_schema

from axion_bus.domain.alert import Severity
from axion_bus.domain.topics import check_filter, check_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


@dataclass(frozen=True, slots=True)
class Allowed:
    """In words, what a key may be."""

    text: str


@dataclass(frozen=True, slots=True)
class Default:
    """In words, the default of a key whose default depends on the machine."""

    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """Reads a value with ``parse`` (ValueError: it cannot be) and takes the result for what it is.

    pydantic's PlainValidator does the same, and then looks into the result's type, which it need not understand.
    """

    parse: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """What pydantic asks for."""
        return core_schema.no_info_plain_validator_function(self.parse)


def refusal(text: str) -> PydanticCustomError:
    """A fault whose ``text`` says all: the value that was found is not added to it, because it may hold a secret."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def parse_duration(value: object) -> timedelta:
    """``"90s"``, ``"10m"``, ``"2h"``, ``"1d"`` as a time span. Raises ValueError for anything else, a bare number too."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a number followed by s, m, h or d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def format_duration(span: timedelta) -> str:
    """``span`` as it is written in the configuration, in the largest unit that fits."""
    seconds = round(span.total_seconds())
    unit = next((name for name, size in _UNITS.items() if seconds and seconds % size == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


def _parse_severity(value: object) -> Severity:
    if isinstance(value, Severity):
        return value
    try:
        return Severity[value.upper() if isinstance(value, str) else ""]
    except KeyError:
        raise ValueError("not a severity") from None


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds a control character")
    return text


def _check_topic_filter(text: str) -> str:
    check_filter(text)
    return text


def _check_base_topic(text: str) -> str:
    check_name(text)
    if text.startswith(("$", "/")) or text.endswith("/"):
        raise ValueError("it begins with $ or /, or ends with /")
    return text


def _parse_path(value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise ValueError("not an absolute path")
    return Path(value)


def _parse_moment(value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("not a date and time with an offset")
    return value


def _flat(mapping: object) -> object:
    """``mapping`` with ``labels.room = ".."``, which TOML takes for a table in a table, as the one key ``"labels.room"``."""
    if not isinstance(mapping, dict) or not isinstance(mapping.get("labels"), dict):
        return mapping
    others = {name: text for name, text in mapping.items() if name != "labels"}
    return others | {f"labels.{name}": text for name, text in mapping["labels"].items()}


Flag = StrictBool
Whole = StrictInt
Number = StrictFloat
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    AfterValidator(_check_printable),
    Allowed("a text of 1 to 1024 printable characters"),
]
ColumnText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(_check_printable),
    Allowed("a text of 1 to 255 printable characters"),
]
"""A text that ends up in a column of the database, and has to fit it."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$"), Allowed("1 to 64 of A-Z a-z 0-9 _ . -")]
Duration = Annotated[timedelta, BeforeValidator(parse_duration), Allowed('a duration such as "30s", "10m", "2h" or "1d"')]
Moment = Annotated[datetime, Parsed(_parse_moment), Allowed("a date and time with its offset: 2026-01-31T22:00:00Z")]
AbsolutePath = Annotated[Path, Parsed(_parse_path), Allowed('an absolute path: "/..."')]
SeverityName = Annotated[Severity, Parsed(_parse_severity), Allowed(" or ".join(f'"{severity.name}"' for severity in Severity))]
TopicFilter = Annotated[
    str, AfterValidator(_check_topic_filter), Allowed('an MQTT topic filter such as "sensors/+/alarm" or "axion/alerts/#"')
]
BaseTopic = Annotated[
    str,
    Field(max_length=256),
    AfterValidator(_check_base_topic),
    Allowed("a topic of at most 256 characters, without + and #, not beginning with $ or /, not ending with /"),
]
FieldMapping = Annotated[Mapping[str, Annotated[str, Allowed("a JMESPath expression")]], BeforeValidator(_flat)]
"""Of a message that is any JSON: an alert's field = where it is found."""
