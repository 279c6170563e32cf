"""``python -m tests.bench``: measures, step after step, and prints one table. What is done is told on stderr as it happens."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.figures import table
from tests.bench.plan import Place, Step, figures, steps
from tests.servers import MariaDb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.figures import Sample


def main() -> int:
    """Each run takes every step once, so that what is compared was measured within the same minutes."""
    arguments = _arguments()
    wanted = [step for step in steps() if _is_wanted(step, arguments.only)]
    taken: dict[str, list[Sample]] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="axion-bench-")))
        (directory / "mariadb").mkdir()
        needs_mariadb = any(step.needs_mariadb for step in wanted)
        mariadb = stack.enter_context(MariaDb(directory / "mariadb")) if needs_mariadb else None
        begun = time.monotonic()
        for run in range(1, arguments.runs + 1):
            for step in wanted:
                with tempfile.TemporaryDirectory(dir=directory) as own:
                    samples = step.take(Place(directory=Path(own), mariadb=mariadb))
                for name, sample in samples.items():
                    taken.setdefault(name, []).append(sample)
                    _tell(f"{time.monotonic() - begun:5.0f} s  run {run} of {arguments.runs}  {name}: {sample.value:,.1f}")
    found = figures(taken)
    text = json.dumps([figure.as_json() for figure in found], indent=2) if arguments.json else table(found)
    sys.stdout.write(f"{text}\n")
    return 0


def _arguments() -> argparse.Namespace:
    names = ", ".join(step.name for step in steps())
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=f"Measure how fast the daemon is. Steps: {names}.")
    parser.add_argument("--runs", type=int, default=3, help="how often each step is taken; figures are medians (default: 3)")
    parser.add_argument("--only", action="append", metavar="STEP", help="take only this step or those below it: repeats, echo")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.only or () if not any(_is_wanted(step, [name]) for step in steps())]
    if unknown:
        parser.error(f"no such step: {', '.join(unknown)}; there are {names}")
    if arguments.runs < 1:
        parser.error("--runs must be 1 or more")
    return arguments


def _is_wanted(step: Step, only: Sequence[str] | None) -> bool:
    return not only or any(step.name == name or step.name.startswith(f"{name}/") for name in only)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
