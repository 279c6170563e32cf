"""What the runs have measured, as figures: medians, goals, ceilings, and the one table of them. No clock, no server."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one measurement: its value and what the measured process took for it.

    ``cpu_us`` is user and system time for each alert, ``waited_us`` how long it could have run and another process did,
    ``peak_mib`` the most memory; None where that was not measured.
    """

    value: float
    cpu_us: float | None = None
    waited_us: float | None = None
    peak_mib: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The median of some runs. ``goal`` is a floor, or a ceiling where less is better; ``best`` is what nothing could beat.

    ``best`` is measured too, in the same run: the work that cannot be left out, done by itself.
    """

    name: str
    unit: str
    samples: Sequence[Sample]
    goal: float | None = None
    best: float | None = None
    less_is_better: bool = False

    @property
    def median(self) -> float:
        """The middle one of the runs' values."""
        return statistics.median(sample.value for sample in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest of the runs' values."""
        values = [sample.value for sample in self.samples]
        return min(values), max(values)

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the goal; None without one."""
        if self.goal is None:
            return None
        return self.median <= self.goal if self.less_is_better else self.median >= self.goal

    @property
    def ratio(self) -> float | None:
        """The median, in parts of ``best``; None where that was not measured."""
        return None if self.best is None else self.median / self.best

    @property
    def cpu_us(self) -> float | None:
        """The median of the CPU time for each alert."""
        return _median([sample.cpu_us for sample in self.samples])

    @property
    def waited_us(self) -> float | None:
        """The median of the time waited for a processor: what is large beside ``cpu_us`` was measured on a busy machine."""
        return _median([sample.waited_us for sample in self.samples])

    @property
    def peak_mib(self) -> float | None:
        """The most memory of any run."""
        return max((sample.peak_mib for sample in self.samples if sample.peak_mib is not None), default=None)

    def as_json(self) -> dict[str, Any]:
        """All of it, by name."""
        return {
            "figure": self.name,
            "unit": self.unit,
            "median": self.median,
            "values": [sample.value for sample in self.samples],
            "goal": self.goal,
            "is_met": self.is_met,
            "ceiling": self.best,
            "ratio": self.ratio,
            "cpu_us_per_alert": self.cpu_us,
            "waited_us_per_alert": self.waited_us,
            "peak_mib": self.peak_mib,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed (nearest rank). Raises ValueError on none."""
    if not values:
        raise ValueError("no values, no percentile")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


HEADERS = ("figure", "median", "unit", "min..max", "goal", "met", "ceiling", "of it", "CPU us", "wait us", "MiB")


def table(figures: Sequence[Figure]) -> str:
    """The figures as text, one a line."""
    rows = [HEADERS, *(_row(figure) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["  ".join(map(_aligned, row, widths, HEADERS)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    least, most = figure.spread
    sign = "<=" if figure.less_is_better else ">="
    return (
        figure.name,
        _number(figure.median),
        figure.unit,
        f"{_number(least)}..{_number(most)}",
        "" if figure.goal is None else f"{sign} {_number(figure.goal)}",
        {None: "", True: "yes", False: "NO"}[figure.is_met],
        _number(figure.best),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _number(figure.cpu_us),
        _number(figure.waited_us),
        _number(figure.peak_mib),
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"


def _aligned(cell: str, width: int, header: str) -> str:
    return cell.ljust(width) if header in ("figure", "unit", "met") else cell.rjust(width)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
