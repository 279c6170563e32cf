"""What others send without our bounds, made to fit: what is too much for a title or a label becomes a part of the description.

Nothing is lost: a cut title is told in a remark, and all of it begins the description. Used by the formats of other programs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Fault
from axion_bus.formats import limits
from axion_bus.formats.message import Unreadable
from axion_bus.formats.strict_json import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CUT = "..."
_LONG_TITLE = "the title was too long; all of it begins the description"


def table(value: Mapping[str, object], name: str) -> dict[str, object]:
    """The object ``name`` of ``value``; empty where there is none. Raises Unreadable."""
    found = value.get(name)
    if found is None:
        return {}
    if type(found) is not dict:
        raise Unreadable(Fault.WRONG_TYPE, f".{name}", f"found {kind_of(found)}; wanted an object")
    return found


def title_of(value: object) -> tuple[object, str, tuple[str, ...]]:
    """``value`` as a title, its first line; what of it begins the description; and what is remarked."""
    if not isinstance(value, str):
        return value, "", ()
    text = value.strip()
    first, _, more = text.partition("\n")
    if len(first) > limits.TITLE:
        return first[: limits.TITLE - len(_CUT)] + _CUT, text, (_LONG_TITLE,)
    return first.rstrip(), more.strip(), ()


def labels_of(members: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """``members`` as labels, and a line for each that is more than a label can be: an object, a long text, the 65th."""
    labels: dict[str, object] = {}
    lines = []
    for name, value in members.items():
        if value is None:
            continue
        text = text_of_value(value)
        if isinstance(value, dict | list) or not _fits(name, text) or len(labels) >= limits.LABELS:
            lines.append(f"{name}: {text}")
        else:
            labels[name] = text
    return labels, lines


def text_of_value(value: object) -> str:
    """``value``, which came from JSON, for people: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def paragraphs(texts: Iterable[str]) -> str:
    """Those of ``texts`` that say something, below each other."""
    return "\n".join(text for text in texts if text.strip())


def _fits(name: str, text: str) -> bool:
    return len(name) <= limits.LABEL_NAME and len(text) <= limits.LABEL_VALUE and "\n" not in text
