"""What a caller's argument may be: each kind of field says in words what is allowed, and ends as the domain's type.

Used by ``arguments`` only. Bounds are those of the tables' columns.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import to_json

from axion_bus.config.rules import parse_condition
from axion_bus.config.values import Parsed, parse_duration
from axion_bus.domain import reference, template
from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel, CommunicationStatus, Direction
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.domain.note import NoteType
from axion_bus.domain.rules import Matcher
from axion_bus.formats import limits, strict_json
from axion_bus.formats.message import Unreadable
from axion_bus.manager.allowed import Allowed, names_of, one_of, up_to

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E", bound=Enum)

Ending = datetime | timedelta
"""A time, or how long until it comes."""

MAX_METADATA_BYTES = 65_536
MAX_CONDITIONS = 32
LONGEST_SILENCE = timedelta(days=3653)
_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\"\\]+@[A-Za-z0-9.-]+")
_ALLOWED_CONTROLS = frozenset("\t\n\r")


def _text(maximum: int, *, is_line: bool, may_be_empty: bool = False) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("it is not a text")  # noqa: TRY004 - pydantic collects ValueError, not TypeError
        text = value.strip() if is_line else value
        if not (text.strip() or may_be_empty):
            raise ValueError("it is empty")
        if len(text) > maximum:
            raise ValueError(f"it has {len(text)} characters")
        controls = {char for char in text if (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)}
        if controls - (frozenset() if is_line else _ALLOWED_CONTROLS):
            raise ValueError("it holds a control character")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("it is not valid Unicode") from None
        return text

    return check


def _line(maximum: int) -> Any:
    allowed = Allowed(f"a line of 1 to {maximum} characters, none of them a control character", up_to(maximum))
    return Annotated[str, BeforeValidator(_text(maximum, is_line=True)), allowed]


def _enum(kind: type[E], of: Callable[[str], E]) -> BeforeValidator:
    def parse(value: object) -> E:
        if isinstance(value, kind):
            return value
        try:
            return of(value.strip().upper() if isinstance(value, str) else "")
        except (KeyError, ValueError):
            raise ValueError("it is unknown") from None

    return BeforeValidator(parse)


def _moment(*, is_end: bool) -> Callable[[object], datetime]:
    """A day means all of it: from its first instant, or until its last."""

    def parse(value: object) -> datetime:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                raise ValueError("it is not a date or time") from None
            if value.time() == time.min and value.tzinfo is None:
                return _day(value, is_end=is_end)
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("it is a time without an offset from UTC")
            return value.astimezone(UTC)
        if hasattr(value, "year"):
            return _day(datetime(value.year, value.month, value.day), is_end=is_end)  # type: ignore[attr-defined]  # noqa: DTZ001 - a date
        raise ValueError("it is not a date or time")

    return parse


def _day(value: datetime, *, is_end: bool) -> datetime:
    return datetime.combine(value.date(), time.max if is_end else time.min, UTC)


def _guid(value: object) -> str:
    text = _text(255, is_line=True)(value)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it holds a space or a character that is not ASCII")
    return text


def _reference(value: object) -> str:
    found = reference.canonical(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("it is no reference")
    return found


def _channel(value: object) -> str:
    text = _text(50, is_line=True)(value).upper()
    if not text.isascii() or not text.replace("_", "").replace("-", "").isalnum():
        raise ValueError("it is no name of a channel")
    return text


def _metadata(value: object) -> dict[str, Any]:
    """A table that comes out of the database as it went in, on each kind: what strangers may send is what that takes."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("it is not a table with texts as keys")
    try:
        text = to_json(value, inf_nan_mode="constants")
        strict_json.read(text, depth=1)  # one level less than else: MariaDB takes 31 (10.11, JSON_DEPTH_LIMIT)
    except Unreadable as exc:
        raise ValueError(f"it cannot be kept as JSON: {exc.detail}") from None
    except (ValueError, TypeError, RecursionError) as exc:
        raise ValueError(f"it cannot be written as JSON: {exc}") from None
    if len(text) > MAX_METADATA_BYTES:
        raise ValueError(f"it has {len(text)} bytes as JSON")
    return value


def _template(text: str) -> str:
    template.parse(text)
    return text


def _report_format(value: object) -> str:
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in ("text", "markdown", "html"):
        raise ValueError("it is unknown")
    return text


def _address(value: object) -> str:
    text = _text(254, is_line=True)(value)
    if not _ADDRESS.fullmatch(text):
        raise ValueError("it is no e-mail address")
    return text


def _tuple(value: object) -> object:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else value


def _by_people(reason: CloseReason) -> CloseReason:
    if reason in (CloseReason.MERGED, CloseReason.AUTO):
        raise ValueError("it is not for people to give")
    return reason


def _logged(status: CommunicationStatus) -> CommunicationStatus:
    if status is CommunicationStatus.PENDING:
        raise ValueError("nobody would ever send it")
    return status


def _condition(value: object) -> Matcher:
    return value if isinstance(value, Matcher) else parse_condition(value)


def _conditions(value: object) -> object:
    found = (value,) if isinstance(value, (str, Matcher)) else _tuple(value)
    if isinstance(found, tuple) and not 0 < len(found) <= MAX_CONDITIONS:
        raise ValueError(f"it has {len(found)} conditions")
    return found


def _ending(value: object) -> Ending:
    """Bounded, for a time that lies too far ahead has no place in a column."""
    span = value
    if isinstance(value, str) and value.strip()[-1:] in ("s", "m", "h", "d"):
        span = parse_duration(value.strip())
    if not isinstance(span, timedelta):
        return _moment(is_end=False)(value)
    if not timedelta(0) < span <= LONGEST_SILENCE:
        raise ValueError("it is no time from now, or more than ten years")
    return span


Title = _line(limits.TITLE)
Package = _line(limits.PACKAGE)
Person = _line(255)
Code = _line(64)
Recipient = _line(1024)
Content = Annotated[
    str,
    BeforeValidator(_text(limits.DESCRIPTION, is_line=False)),
    Allowed(f"a text of 1 to {limits.DESCRIPTION} characters", up_to(limits.DESCRIPTION)),
]
Template = Annotated[
    str,
    BeforeValidator(_text(template.MAX_CHARACTERS, is_line=False)),
    AfterValidator(_template),
    Allowed("a text with the placeholders that the guide has; {{ and }} are braces", up_to(template.MAX_CHARACTERS)),
]
Description = Annotated[
    str,
    BeforeValidator(_text(limits.DESCRIPTION, is_line=False, may_be_empty=True)),
    Allowed(f"a text of at most {limits.DESCRIPTION} characters", up_to(limits.DESCRIPTION, 0)),
]
Guid = Annotated[
    str, BeforeValidator(_guid), Allowed("1 to 255 printable ASCII characters without spaces", {"pattern": "^[!-~]{1,255}$"})
]
Guids = Annotated[tuple[Guid, ...], BeforeValidator(_tuple), Allowed("a list of alert guids")]
Ref = Annotated[
    str, BeforeValidator(_reference), Allowed("REF-YYYYMMDD-XXX, with 3 to 7 letters or digits at the end", {"minLength": 16})
]
SeverityField = Annotated[Severity, _enum(Severity, lambda text: Severity[text]), names_of(Severity, by_name=True)]
StatusField = Annotated[IncidentStatus, _enum(IncidentStatus, IncidentStatus), names_of(IncidentStatus)]
NoteTypeField = Annotated[NoteType, _enum(NoteType, NoteType), names_of(NoteType)]
CloseReasonField = Annotated[
    CloseReason,
    _enum(CloseReason, CloseReason),
    AfterValidator(_by_people),
    one_of("RESOLVED", "DUPLICATE", "FALSE_ALARM"),
]
DirectionField = Annotated[Direction, _enum(Direction, Direction), names_of(Direction)]
LoggedStatus = Annotated[
    CommunicationStatus,
    _enum(CommunicationStatus, CommunicationStatus),
    AfterValidator(_logged),
    one_of("SENT", "FAILED", "RECEIVED"),
]
ChannelName = Annotated[
    str,
    BeforeValidator(_channel),
    Allowed(f"a channel such as {', '.join(Channel)} or PHONE: letters, digits, _ and -, 50 at most", up_to(50)),
]
ReportFormat = Annotated[str, BeforeValidator(_report_format), one_of("text", "markdown", "html")]
Address = Annotated[str, BeforeValidator(_address), Allowed("an e-mail address such as ops@example.com", up_to(254))]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_tuple), Allowed("a list of e-mail addresses")]
Metadata = Annotated[
    dict[str, Any], BeforeValidator(_metadata), Allowed(f"a table that is at most {MAX_METADATA_BYTES} bytes of JSON")
]
Condition = Annotated[Matcher, Parsed(_condition), Allowed("a condition such as severity >= HIGH", {"type": "string"})]
Conditions = Annotated[
    tuple[Condition, ...],
    BeforeValidator(_conditions),
    Allowed(
        f'1 to {MAX_CONDITIONS} conditions such as "package = BACKUP", "severity >= HIGH", "labels.env != test"',
        {"type": ["array", "string"], "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_CONDITIONS},
    ),
]
Comment = Annotated[
    str,
    BeforeValidator(_text(512, is_line=True, may_be_empty=True)),
    Allowed("a line of at most 512 characters, none of them a control character", up_to(512, 0)),
]
Moment = Annotated[datetime, BeforeValidator(_moment(is_end=False)), Allowed("a time with its offset: 2026-01-31T22:00:00Z")]
Until = Annotated[
    Ending,
    Parsed(_ending),
    Allowed('a time with its offset such as 2026-01-31T22:00:00Z, or how long from the start on, such as "2h"', {"type": "string"}),
]
Start = Annotated[datetime, BeforeValidator(_moment(is_end=False)), Allowed("2026-01-31, or a time with its offset")]
End = Annotated[datetime, BeforeValidator(_moment(is_end=True)), Allowed("2026-01-31, or a time with its offset")]
