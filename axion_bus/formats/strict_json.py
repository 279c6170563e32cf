"""JSON from strangers: read fast, refused by name where two readers could take it for two things or a column could not hold it.

The fast reader takes every valid text, and a few that we do not want. A cheap count then says whether it may be one of those;
only then does the slow reader look for what is wrong, and where. Called with bytes of any content.
"""

from __future__ import annotations

import json
import re
from math import inf, isfinite
from typing import TYPE_CHECKING, NoReturn

from pydantic_core import from_json

from axion_bus.domain.communication import Fault
from axion_bus.formats import limits
from axion_bus.formats.encoding import text_of
from axion_bus.formats.message import Unreadable, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_INFINITE = (inf, -inf)
_SUSPECT = 1 << 40
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "true or false",
    str: "a text",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def read(body: bytes, depth: int = 0) -> object:
    """The value that ``body`` is, which stands ``depth`` levels deep in its message. Raises Unreadable.

    Faults: empty, bad_encoding (also an escape that is half a surrogate pair), bad_json, bad_number (NaN, Infinity, too large),
    duplicate_key, nul, too_deep, too_many (members of one object).
    """
    try:
        value: object = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as exc:
        _examine(body, depth)
        raise Unreadable(Fault.BAD_JSON, "", str(exc)) from None
    # With white space gone each member of an object has its own '":', so a member that a later one of its name replaced leaves
    # one too many. Texts may hold '":' as well; then the slow reader finds nothing.
    members = body.translate(None, b" \t\r\n").count(b'":')
    if _members(value, depth) != members or (b"\\" in body and b"\\u0000" in body):
        _examine(body, depth)
    return value


def place_of(place: str, name: str) -> str:
    """The place of a member: ``$.labels.env``, or ``$.labels["a b"]``."""
    return f"{place}.{name}" if _NAME.fullmatch(name) else f"{place}[{json.dumps(name[:64])}]"


def kind_of(value: object) -> str:
    """What ``value`` is in JSON's words, with its article."""
    return _KINDS.get(type(value), "no JSON value")


def _members(value: object, depth: int) -> int:
    """How many members the objects in ``value`` have in all; more than any text has, if there is something else to look at."""
    inner: Iterable[object]
    if type(value) is dict:
        number, inner = len(value), value.values()
    elif type(value) is list:
        number, inner = 0, value
    else:
        return _SUSPECT
    if depth >= limits.NESTING or number > limits.MEMBERS:
        return _SUSPECT
    for each in inner:
        kind = type(each)
        if kind is str:
            continue
        if kind is dict or kind is list:
            number += _members(each, depth + 1)
        elif kind is float and each in _INFINITE:
            return _SUSPECT
    return number


class _Members(list[tuple[str, object]]):
    """An object with every member that its text has."""


class _BadNumber(str):
    """A number that is none, as it was written."""

    __slots__ = ()


def _whole(text: str) -> object:
    return _BadNumber(text) if len(text) > 4300 else 0


def _broken(text: str) -> object:
    return 0.0 if isfinite(float(text)) else _BadNumber(text)


_slow = json.JSONDecoder(object_pairs_hook=_Members, parse_int=_whole, parse_float=_broken, parse_constant=_BadNumber)


def _examine(body: bytes, depth: int) -> None:
    """Raise Unreadable for the first fault in ``body``, if there is one."""
    text = text_of(body)
    try:
        value = _slow.decode(text)
    except RecursionError:
        refuse_depth("")
    except json.JSONDecodeError as exc:
        refuse_syntax(exc)
    _walk(value, "", depth)


def refuse_syntax(exc: json.JSONDecodeError) -> NoReturn:
    """Raise Unreadable for what is not JSON."""
    where = f"line {exc.lineno} column {exc.colno}"
    if exc.doc[exc.pos : exc.pos + 1] == "\0":
        raise Unreadable(Fault.NUL, "", f"a NUL character at {where}") from None
    raise Unreadable(Fault.BAD_JSON, "", f"{exc.msg} at {where}") from None


def refuse_depth(place: str) -> NoReturn:
    """Raise Unreadable for what is nested too deep."""
    raise Unreadable(Fault.TOO_DEEP, place, f"more than {limits.NESTING} arrays and objects inside each other") from None


def _walk(value: object, place: str, depth: int) -> None:
    if isinstance(value, _BadNumber):
        raise Unreadable(Fault.BAD_NUMBER, place, f"{shown(str(value))} is not a number that can be used")
    if isinstance(value, str):
        _check_text(value, place)
    if not isinstance(value, list):
        return
    if depth >= limits.NESTING:
        refuse_depth(place)
    if isinstance(value, _Members):
        _walk_members(value, place, depth)
    else:
        for number, each in enumerate(value):
            _walk(each, f"{place}[{number}]", depth + 1)


def _walk_members(members: _Members, place: str, depth: int) -> None:
    if len(members) > limits.MEMBERS:
        raise Unreadable(Fault.TOO_MANY, place, f"{len(members)} members; an object may have {limits.MEMBERS}")
    names = set()
    for name, value in members:
        at = place_of(place, name)
        _check_text(name, at)
        if name in names:
            raise Unreadable(Fault.DUPLICATE_KEY, at, "the same key twice in one object")
        names.add(name)
        _walk(value, at, depth + 1)


def _check_text(text: str, place: str) -> None:
    if "\0" in text:
        raise Unreadable(Fault.NUL, place, "holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable(Fault.BAD_ENCODING, place, "an escape that is half a surrogate pair") from None
