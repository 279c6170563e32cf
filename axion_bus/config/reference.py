"""Writes the tables of ``docs/configuration.md`` from the settings themselves: ``python -m axion_bus.config.reference FILE``.

A test compares the file with ``markdown()``, so that it cannot go stale.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.config.keys import allowed, fields_of, kind_of, sections
from axion_bus.config.show import literal, plain
from axion_bus.config.values import Default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from axion_bus.config.keys import Kind
    from axion_bus.config.section import Section

MARKER = "<!-- Below this line: written by python -m axion_bus.config.reference. Edit the descriptions in axion_bus/config/. -->\n"


def markdown() -> str:
    """Every section with its keys: what each is for, what is allowed, its default."""
    return "\n".join(line for header, section in sections() for line in _section(header, section))


def _section(header: str, section: type[Section]) -> Iterator[str]:
    yield from ("", f"### `{header}`", "", inspect.getdoc(section) or "", "")
    keys = {name: info for name, info in fields_of(section).items() if not _has_own_heading(kind_of(info))}
    if keys:
        yield from ("| key | what it is | allowed | default |", "|---|---|---|---|")
    for name, info in keys.items():
        cells = (f"`{name}`", info.description or "", allowed(kind_of(info)), _default(info))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _has_own_heading(kind: Kind) -> bool:
    return kind.section is not None and not kind.metadata


def _default(info: FieldInfo) -> str:
    in_words = next((mark.text for mark in info.metadata if isinstance(mark, Default)), None)
    if in_words is not None or info.is_required():
        return in_words or "none: it has to be set"
    return "not set" if info.default is None else f"`{literal(plain(info.default))}`"


def main(file: Path) -> None:
    """Replace what follows the marker in ``file``."""
    prose, marker, _ = file.read_text("utf-8").partition(MARKER)
    file.write_text(prose + (marker or MARKER) + markdown() + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
