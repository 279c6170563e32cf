"""What a person answers to a message: ``ack A7K``, ``close A7K``, ``note A7K text``; or anything, with a reference in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from axion_bus.domain import reference

if TYPE_CHECKING:
    from datetime import datetime

CODE_DAYS = 31
"""For how many days a bare code (``A7K``) is understood; with its date a reference is understood for ever."""

# ASCII where letters are compared without case: else "cloſe" would be "close", too.
_COMMAND = re.compile(
    r"\s*((?ai:ack|acknowledge|close|note))[\s:#]+((?ai:REF-[0-9]{8}-[A-Z0-9]{3,7}|[A-Z0-9]{3,7}))\b[\s:,]*(.*)", re.DOTALL
)
_QUOTED = re.compile(r"\b(?ai:REF-[0-9]{8}-[A-Z0-9]{3,7})\b")


class ReplyVerb(StrEnum):
    """What a reply may ask for."""

    ACK = "ack"
    CLOSE = "close"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``references`` are those that it may mean, the likeliest first; ``verb`` None: it asks for nothing."""

    references: tuple[str, ...]
    verb: ReplyVerb | None = None
    text: str = ""


def parse(message: str, now: datetime) -> Reply:
    """Read ``message``; whatever it is, it is a reply."""
    found = _COMMAND.match(message)
    if found is None:
        quoted = (reference.canonical(each) for each in _QUOTED.findall(message))
        return Reply(references=tuple(dict.fromkeys(each for each in quoted if each)))
    word, code, text = found.groups()
    verb = ReplyVerb.ACK if word.lower().startswith("ack") else ReplyVerb(word.lower())
    text = text.strip()
    return Reply(references=() if _is_a_word(verb, code, text) else _meant(code, now), verb=verb, text=text)


def _is_a_word(verb: ReplyVerb, code: str, text: str) -> bool:
    """Whether ``code`` reads like the second word of a sentence: "close the valve" shall not close whatever has the code THE."""
    return verb is not ReplyVerb.NOTE and bool(text) and code.isalpha() and not code.isupper()


def _meant(code: str, now: datetime) -> tuple[str, ...]:
    whole = reference.canonical(code)
    if whole is not None:
        return (whole,)
    return tuple(f"REF-{now - timedelta(days=days):%Y%m%d}-{code.upper()}" for days in range(CODE_DAYS))
