"""What is claimed, as letters: rows that say the same to one person become one message, with their number. Pure.

Used by the courier and by ``delivery``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from axion_bus.ports import Letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axion_bus.ports import Outgoing

_SHOWN_REFERENCES = 20
_BY_ITSELF = (None, "report", "answer")


def bundles(claimed: Iterable[Outgoing]) -> list[list[Outgoing]]:
    """``claimed`` by what is one message: the same title to the same person on the same occasion; in order of arrival.

    A report or an answer is one by itself.
    """
    found: dict[object, list[Outgoing]] = defaultdict(list)
    for each in claimed:
        occasion, title = each.metadata.get("occasion"), each.metadata.get("title")
        is_alone = title is None or occasion in _BY_ITSELF
        found[each.guid if is_alone else (each.recipient, occasion, title)].append(each)
    return list(found.values())


def has_thread(bundle: Sequence[Outgoing]) -> bool:
    """Whether it may follow one that was sent before: it tells of one incident, not of its beginning, and no thread is gone."""
    first = bundle[0]
    is_about_one = len(bundle) == 1 and first.incident_guid is not None
    return is_about_one and first.metadata.get("occasion") not in (None, "report", "created") and "unthreaded" not in first.metadata


def letter(bundle: Sequence[Outgoing], thread: str | None = None) -> Letter:
    """The message for all of ``bundle``, with their number and references if there are several."""
    first = bundle[0]
    metadata = first.metadata
    made = Letter(
        guid=first.guid,
        reference=metadata["reference"],
        recipient=first.recipient,
        subject=metadata["subject"],
        text=first.message,
        html=metadata.get("html"),
        incident_guid=first.incident_guid,
        occasion=metadata.get("occasion", "notification"),
        incident=metadata.get("incident", {}),
        thread=thread,
    )
    if len(bundle) == 1:
        return made
    others = [each.metadata["reference"] for each in bundle[1:]]
    shown = ", ".join(others[:_SHOWN_REFERENCES]) + (" ..." if len(others) > _SHOWN_REFERENCES else "")
    return replace(
        made, subject=f"{len(bundle)}x {made.subject}", text=f"{made.text}\n{len(bundle)} like this, the others: {shown}\n"
    )
