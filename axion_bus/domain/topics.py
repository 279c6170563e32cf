"""MQTT topic names and topic filters: what is well formed, what a filter matches, whether two filters can meet.

Text only; no client, no broker. Used by the configuration (faults) and by whatever routes a topic to its source.
Rules: MQTT 5 section 4.7 (3.1.1 section 4.7 is the same), shared subscriptions section 4.8.2.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 65_535
"""What a topic may have at most, in UTF-8 (MQTT 5 section 1.5.4)."""


def check_name(topic: str) -> None:
    """Raise ValueError, saying why, unless ``topic`` is a topic name that may be published to."""
    _check_text(topic)
    if "+" in topic or "#" in topic:
        raise ValueError("a topic that is published to has no wildcard + or #")


def check_filter(filter_: str) -> None:
    """Raise ValueError, saying why, unless ``filter_`` is a topic filter that may be subscribed to."""
    _check_text(filter_)
    group, rest = _split_share(filter_)
    if group is not None and (not group or not rest or "+" in group or "#" in group):
        raise ValueError("a shared subscription is written $share/<group>/<filter>, its group without + and #")
    levels = rest.split("/")
    for number, level in enumerate(levels, 1):
        if "#" in level and (level != "#" or number < len(levels)):
            raise ValueError("the wildcard # stands alone as the last level")
        if "+" in level and level != "+":
            raise ValueError("the wildcard + fills a whole level")


def matches(filter_: str, topic: str) -> bool:
    """Whether a well-formed ``filter_`` matches the topic name ``topic``; wildcards never match a leading ``$``."""
    levels, names = _levels(filter_), topic.split("/")
    if levels[0] in ("+", "#") and topic.startswith("$"):
        return False
    for level, name in zip(levels, names, strict=False):
        if level == "#":
            return True
        if level not in ("+", name):
            return False
    return len(levels) == len(names) or levels[len(names) :] == ["#"]


def overlap(one: str, other: str) -> bool:
    """Whether some topic name is matched by both well-formed filters. Symmetric; a shared group does not matter."""
    left, right = _levels(one), _levels(other)
    if (_is_wild(left) and right[0].startswith("$")) or (_is_wild(right) and left[0].startswith("$")):
        return False
    for first, second in zip(left, right, strict=False):
        if "#" in (first, second):
            return True
        if "+" not in (first, second) and first != second:
            return False
    shorter = min(len(left), len(right))
    return len(left) == len(right) or left[shorter:] == ["#"] or right[shorter:] == ["#"]


def covers(one: str, other: str) -> bool:
    """Whether each topic name that ``other`` matches is matched by ``one`` too; both well formed."""
    left, right = _levels(one), _levels(other)
    if _is_wild(left) and right[0].startswith("$"):
        return False
    for level, under in zip_longest(left, right):
        if level == "#":
            return True
        if level is None or under in (None, "#") or level not in ("+", under):
            return False
    return True


def without_covered(filters: Sequence[str]) -> list[str]:
    """``filters`` but for those that another one covers; a shared subscription covers none and is covered by none.

    A broker may deliver a message once for each filter that matches it (MQTT 5 3.3.4).
    """
    plain = [each for each in dict.fromkeys(filters) if not each.startswith("$share/")]
    covered = {each for each in plain if any(other != each and covers(other, each) for other in plain)}
    return [each for each in dict.fromkeys(filters) if each not in covered]


def _check_text(topic: str) -> None:
    if not topic:
        raise ValueError("it is empty")
    if "\0" in topic:
        raise ValueError("it holds a NUL character")
    try:
        size = len(topic.encode())
    except UnicodeEncodeError:
        raise ValueError("it is not valid Unicode") from None
    if size > MAX_BYTES:
        raise ValueError(f"it has {size} bytes in UTF-8, more than {MAX_BYTES}")


def _split_share(filter_: str) -> tuple[str | None, str]:
    if not filter_.startswith("$share/"):
        return None, filter_
    group, _, rest = filter_.removeprefix("$share/").partition("/")
    return group, rest


def _levels(filter_: str) -> list[str]:
    return _split_share(filter_)[1].split("/")


def _is_wild(levels: Sequence[str]) -> bool:
    return levels[0] in ("+", "#")
