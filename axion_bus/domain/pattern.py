"""Regular expressions of rules and silences: each tells in good time whether it matches, whatever it is and whatever the text.

By the engine that pydantic brings along (Rust's regex), which reads a text once and never goes back. Python's own tries `(a+)+b` in
a number of ways that doubles with each letter, and holds up the whole daemon. Called where conditions are compiled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic_core import SchemaError, SchemaValidator, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PLACES = 1000
"""What a pattern may have, its counts written out: the time for a text is at most places x characters, a second for the longest."""

_TOKEN = re.compile(
    r"""\\. | \[\^?\]?(?:\\.|[^\]\\])*\]            # one character, or one of a class
        | \{(?P<least>\d*)(?:,(?P<most>\d*))?\}       # a count
        | (?P<spaced>\(\?[A-Za-z]*x) | .""",
    re.DOTALL | re.VERBOSE,
)


def compile_pattern(text: str) -> Callable[[str], bool]:
    """Whether a text is, as a whole, what the regular expression ``text`` says. A dot is any character, a line's end too.

    Raises:
        ValueError: it is none, has more than MAX_PLACES, or asks for what cannot be told in one reading.

    """
    if any(token["spaced"] for token in _TOKEN.finditer(text)):
        raise ValueError(f"{text!r} has the flag x: write it without spaces and comments")
    if _places(text) > MAX_PLACES:
        raise ValueError(f"{text!r} is too large: its counts written out, it has more than {MAX_PLACES} places")
    _engine(text)  # by itself, so that a parenthesis too many does not pair with one of ours
    return _engine(rf"(?s)\A(?:{text})\z")


def _engine(pattern: str) -> Callable[[str], bool]:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")).isinstance_python
    except SchemaError as exc:
        reason = str(exc).splitlines()[-1].removeprefix("error: ").removeprefix("  SchemaError: ").rstrip(".")
        raise ValueError(f"{pattern!r} is not a regular expression: {reason}") from exc


def _places(pattern: str) -> int:
    """How many characters it names, with ``{2,5}`` as five times what stands before it."""
    outer: list[int] = []
    total = last = 0
    for token in _TOKEN.finditer(pattern):
        if token["least"] is not None:
            times = max(int(token["least"] or 0), int(token["most"] or 0))
            total, last = total + last * (times - 1), last * times
        elif token[0] == "(":
            outer.append(total)
            total = last = 0
        elif token[0] == ")" and outer:
            last = max(total, 1)  # nothing, a thousand times, takes its time too
            total = outer.pop() + last
        elif token[0] not in ("*", "+", "?"):
            total, last = total + 1, 1
    return total
