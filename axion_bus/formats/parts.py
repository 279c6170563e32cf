"""A JSON message as its parts: the one object that it is, or the elements of its array, each read by itself.

So a broken part of a message fails alone, and each part keeps its own text, character for character. Used by the JSON formats.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import limits
from axion_bus.formats.encoding import text_of
from axion_bus.formats.message import Element, Unreadable
from axion_bus.formats.strict_json import kind_of, read, refuse_depth, refuse_syntax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.domain.alert import Alert
    from axion_bus.formats.message import Context, Malformed

    Reader = Callable[[dict[str, object], Context], Alert]

# Finds where a value ends, and takes all that may stand in one; what is allowed there is strict_json's matter.
_tolerant = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_scan_whole, _scan = _tolerant.decode, _tolerant.raw_decode
_space = re.compile(r"[ \t\r\n]*").match
_LINES = re.compile(rb"\s*\{[^\n]*\}[ \t\r]*\n\s*\{")
"""An object that ends with its line, and another one behind it: no one JSON text has that."""


def decode(body: bytes, context: Context, reader: Reader) -> list[Element]:
    """The object that ``body`` is, or each object of the array or of the lines that it is, by ``reader``."""
    try:
        if is_lines(body):
            return decode_elements([line for line in text_of(body).split("\n") if line.strip()], "$", context, reader)
        if body.lstrip()[:1] == b"[":
            return decode_elements(cut(text_of(body)), "$", context, reader)
        return [Element(reader(an_object(read(body)), context), None)]
    except Unreadable as exc:
        return [Element(exc.below("$"), None)]


def is_lines(body: bytes) -> bool:
    """Whether ``body`` is several objects, each on a line of its own."""
    return b"\n" in body and _LINES.match(body) is not None


def decode_elements(texts: Sequence[str], place: str, context: Context, reader: Reader) -> list[Element]:
    """Each of ``texts``, which are the elements of the array at ``place``, by ``reader``. Raises Unreadable for their number."""
    if not texts:
        raise Unreadable(Fault.EMPTY, place.removeprefix("$"), "an array without an alert in it")
    if len(texts) > limits.ALERTS:
        raise Unreadable(Fault.TOO_MANY, place.removeprefix("$"), f"{len(texts)} alerts; a message may have {limits.ALERTS}")
    depth = place.count(".") + 1
    elements = []
    for number, text in enumerate(texts):
        content: Alert | Malformed
        try:
            content = reader(an_object(read(text.encode(), depth)), context)
        except Unreadable as exc:
            content = exc.below(f"{place}[{number}]")
        elements.append(Element(content, text if len(texts) > 1 else None))
    return elements


def an_object(value: object) -> dict[str, object]:
    """``value``, which has to be an object. Raises Unreadable."""
    if type(value) is not dict:
        raise Unreadable(Fault.WRONG_TYPE, "", f"found {kind_of(value)}; an alert is an object")
    return value


def cut_member(text: str, name: str) -> tuple[str, list[str]]:
    """``text``, which is an object, with its array ``name`` emptied, and the texts of the array's elements. Raises Unreadable."""
    array = an_object(_scan_all(text)).get(name)
    if type(array) is not list:
        read(text.encode())  # a fault of another member is told first
        fault = Fault.MISSING_FIELD if array is None else Fault.WRONG_TYPE
        raise Unreadable(fault, f".{name}", f"found {kind_of(array)}; wanted an array of alerts")
    start = _array(text, name)
    elements, end = _elements(text, start)
    return f"{text[:start]}[]{text[end:]}", elements


def cut(text: str) -> list[str]:
    """The texts of the elements of the array that ``text`` is. Raises Unreadable where it is not JSON, or too deep to tell."""
    _scan_all(text)
    return _elements(text, _skip(text, 0))[0]


def _scan_all(text: str) -> object:
    try:
        return _scan_whole(text)
    except json.JSONDecodeError as exc:
        refuse_syntax(exc)
    except RecursionError:
        refuse_depth("")


def _array(text: str, name: str) -> int:
    """Where the array ``name`` begins in ``text``, an object that has it."""
    at = _skip(text, 0)
    while True:
        key, end = _scan(text, _skip(text, at + 1))  # behind "{" or ","
        at = _skip(text, _skip(text, end) + 1)  # behind ":"
        if key == name and text[at] == "[":
            return at
        _, end = _scan(text, at)
        at = _skip(text, end)


def _elements(text: str, at: int) -> tuple[list[str], int]:
    """The texts of the elements of the array at ``at``, and where what follows it begins."""
    elements: list[str] = []
    start = _skip(text, at + 1)
    if text[start] == "]":
        return elements, start + 1
    while True:
        _, end = _scan(text, start)
        elements.append(text[start:end])
        end = _skip(text, end)
        if text[end] == "]":
            return elements, end + 1
        start = _skip(text, end + 1)


def _skip(text: str, at: int) -> int:
    """Where what is behind the white space at ``at`` begins."""
    found = _space(text, at)
    return at if found is None else found.end()
