"""``axion-bus doctor``: what is wrong, and the sentence that repairs it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.reload import ask
from axion_bus.config.loading import control_sockets, find, load_with_origin, state_directory
from axion_bus.doctor.finding import Finding, Verdict, fail, ok, warn
from axion_bus.errors import ConfigError, DaemonAway

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
_ANSWER_WITHIN_S = 5.0


@click.command("doctor")
@click.option(
    "--probe/--no-probe",
    "probe_queue",
    default=True,
    help="Try how many messages the broker keeps for an absent client; if fewer than 1001, the rest is dropped and counted.",
)
@common_options
@click.pass_obj
def command(invocation: Invocation, *, probe_queue: bool) -> int:
    """Look at everything that the daemon stands on; say of each thing how it is, and what repairs it. Changes nothing.

    Exit code 0 if nothing fails, else 1. As root, it also sees the credentials that systemd hands to the daemon.
    """
    findings = _findings(invocation, probe_queue=probe_queue)
    worst = max((finding.verdict for finding in findings), key=list(Verdict).index)
    rows = [_row(finding) for finding in findings]
    invocation.succeed({"verdict": worst.value, "findings": rows}, "\n".join(_lines(findings)))
    return 1 if worst is Verdict.FAIL else 0


def _findings(invocation: Invocation, *, probe_queue: bool) -> Sequence[Finding]:
    try:
        settings, origin = load_with_origin(invocation.config)
    except ConfigError as exc:
        repair = (
            "correct what is named (docs/configuration.md lists every key), then run the doctor again: the rest was not looked at"
        )
        return [fail("configuration", fault, repair) for fault in str(exc).splitlines()]
    from axion_bus.doctor.examination import examine  # noqa: PLC0415 - --help needs no database library

    sockets = control_sockets(find(invocation.config, os.environ), os.environ)
    return asyncio.run(
        examine(
            settings,
            origin,
            state=state_directory(os.environ),
            daemon=lambda: _daemon(sockets),
            probe_queue=probe_queue,
        )
    )


def _daemon(sockets: Sequence[Any]) -> Finding:
    """What the running daemon says of itself."""
    try:
        answer = ask(sockets, "status", _ANSWER_WITHIN_S)
    except DaemonAway as exc:
        return warn("daemon", str(exc), "start it: systemctl start axion-bus; or run the doctor as root, or as the daemon's user")
    if not answer["ok"]:
        return fail("daemon", answer["text"], "correct the configuration file, then: axion-bus reload")
    return ok("daemon", answer["text"])


def _row(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "found": finding.found,
        "repair": finding.repair or None,
    }


def _lines(findings: Sequence[Finding]) -> list[str]:
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        verdict = click.style(f"{finding.verdict.value:<4}", fg=_COLOURS[finding.verdict])
        lines.append(f"{verdict}  {finding.check:<{width}}  {' '.join(finding.found.split())}")
        if finding.repair:
            lines.append(f"{'':<6}{'':<{width}}  -> {finding.repair}")
    number = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    return [*lines, "", f"{number[Verdict.OK]} ok, {number[Verdict.WARN]} to look at, {number[Verdict.FAIL]} failed"]
