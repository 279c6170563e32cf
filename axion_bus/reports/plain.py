"""Texts of others made harmless for whoever reads a report: nothing moves a cursor, changes colours or turns the writing around."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def plain(value: object) -> str:
    """``value`` with its lines and tabs, and a mark for each character that does something else than being read."""
    text = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def line(value: object) -> str:
    """``plain``, on one line."""
    return " ".join(plain(value).split())
