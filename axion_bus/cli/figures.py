"""``metrics`` and ``report``: figures of many incidents, and all about one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import managing, succeed


@click.command("metrics")
@click.option("--package", help="Only incidents of one package.")
@click.option("--from", "start_date", metavar="DATE", help="Created on this day or later (UTC).")
@click.option("--to", "end_date", metavar="DATE", help="Created on this day or earlier (UTC).")
@common_options
@click.pass_obj
def metrics(invocation: Invocation, *, package: str | None, start_date: str | None, end_date: str | None) -> None:
    """Count incidents, and how long they took, in hours."""
    with managing(invocation) as manager:
        figures = manager.get_incident_metrics(package, start_date, end_date)
    succeed(invocation, figures, _text(figures))


@click.command("report")
@click.argument("incident")
@click.option("--format", "format_", type=click.Choice(["text", "markdown", "html"]), default="text", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write it to this file.")
@common_options
@click.pass_obj
def report(invocation: Invocation, *, incident: str, format_: str, out: Path | None) -> None:
    """Print all that is known of INCIDENT."""
    with managing(invocation) as manager:
        text = manager.generate_incident_report(manager.find_incident(incident), format_)
    if out is None:
        succeed(invocation, {"format": format_, "report": text}, text.rstrip("\n"))
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as exc:
        raise click.FileError(str(out), exc.strerror) from exc
    succeed(invocation, {"format": format_, "file": str(out)}, str(out))


def _text(figures: dict[str, Any]) -> str:
    lines = [f"{name:<32}{'-' if value is None else value}" for name, value in figures.items() if not isinstance(value, dict)]
    for name, counts in figures.items():
        if isinstance(counts, dict):
            lines += [f"{name}:", *(f"  {key:<30}{number}" for key, number in counts.items())]
    return "\n".join(lines)
