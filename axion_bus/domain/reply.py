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

_COMMAND = re.compile(
    r"\s*(ack|acknowledge|close|note)\s+(REF-[0-9]{8}-[A-Z0-9]{3,7}|[A-Z0-9]{3,7})\b[\s:,]*(.*)", re.IGNORECASE | re.DOTALL
)
_QUOTED = re.compile(r"\bREF-[0-9]{8}-[A-Z0-9]{3,7}\b", re.IGNORECASE)


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
    return Reply(references=_meant(code, now), verb=verb, text=text.strip())


def _meant(code: str, now: datetime) -> tuple[str, ...]:
    whole = reference.canonical(code)
    if whole is not None:
        return (whole,)
    return tuple(f"REF-{now - timedelta(days=days):%Y%m%d}-{code.upper()}" for days in range(CODE_DAYS))
