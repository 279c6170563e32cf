"""Rows as a table: lines and colours on a terminal (rich, loaded only then), else columns two spaces apart, for other programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from axion_bus.cli.managing import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

Row = dict[str, Any]

STYLES = {
    "CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan",
    "CREATED": "bold red", "INVESTIGATING": "yellow", "MONITORING": "blue", "CLOSED": "green",
    "SENT": "green", "FAILED": "bold red", "PENDING": "yellow",
}  # fmt: skip
"""How a word is shown on a terminal, whatever column it stands in."""


def table(rows: Sequence[Row], columns: Sequence[str], empty: str) -> str:
    """``rows`` under a line of ``columns``; ``empty`` is what to say when there is none."""
    if not rows:
        return empty
    if sys.stdout.isatty():
        return _drawn(rich_table(rows, columns))
    lines = [[*columns], *([cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def rich_table(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    """The same for a terminal. Texts are never read as rich's markup."""
    from rich import box  # noqa: PLC0415 - 30 ms that most calls need not pay
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        texts = [cell(row.get(name)) for name in columns]
        drawn.add_row(*(Text(text, style=STYLES.get(text, "")) for text in texts))
    return drawn


def _drawn(drawn: Table) -> str:
    from rich.console import Console  # noqa: PLC0415 - the same

    console = Console()
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().rstrip("\n")
