"""Writes the tables of ``docs/metrics.md`` from the catalogue: ``python -m axion_bus.telemetry.reference FILE``.

A test compares the file with ``markdown()``, so that it cannot go stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Asked, Channel, Reason
from axion_bus.ports import ALREADY_ACCEPTED
from axion_bus.telemetry import catalogue
from axion_bus.telemetry.figures import FAULTS, GAPS, REFUSED, STATUSES, STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARKER = "<!-- Below this line: written by python -m axion_bus.telemetry.reference. Edit axion_bus/telemetry/catalogue.py. -->\n"


def markdown() -> str:
    """Every metric with what it tells, and what its labels may be."""
    return "\n".join([*_metrics(), "", *_labels()])


def _metrics() -> Iterator[str]:
    yield from ("", "| metric | kind | labels | what it tells |", "|---|---|---|---|")
    for each in catalogue.ALL:
        name = f"`{each.name}`{' (database)' if each.is_shared else ''}"
        yield f"| {name} | {each.kind} | {_listed(each.labels) or 'none'} | {each.help} |"


def _labels() -> Iterator[str]:
    yield from ("| label | of | values |", "|---|---|---|")
    for label, of, values in (
        ("source", "alerts", "the `topic` of `[[mqtt.sources]]`; `dbus.sources[0]` ...; `dbus`: native alerts from there"),
        ("outcome", "alerts", _listed([*map(str, Reason), ALREADY_ACCEPTED, REFUSED])),
        ("outcome", "requests", _listed([*map(str, Asked), REFUSED])),
        ("fault", "refused", _listed(FAULTS)),
        ("channel", "", f"{_listed(map(str, Channel))}; `other`"),
        ("status", "sends", _listed(STATUSES)),
        ("severity", "incidents", _listed(severity.name for severity in Severity)),
        ("bus", "", "`MQTT`, `DBUS`"),
        ("reason", "gaps", _listed(GAPS)),
        ("error", "store errors", _listed(STORE_ERRORS)),
        ("version, python", "build", "of this program, and of the Python that runs it"),
    ):
        yield f"| `{label}` | {of} | {values} |"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def main(file: Path) -> None:
    """Replace what follows the marker in ``file``."""
    prose, marker, _ = file.read_text("utf-8").partition(MARKER)
    file.write_text(prose + (marker or MARKER) + markdown() + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
