"""How a failure ends a command: the one table of exit codes, one line of what, one line of what to do, in text or JSON."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from axion_bus import errors

if TYPE_CHECKING:
    from axion_bus.cli.invocation import Invocation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a class of errors means at the shell: the exit code, the code in JSON (as in MQTT responses), and what to do."""

    exit_code: int
    code: str
    hint: str


VERDICTS: dict[type[Exception], Verdict] = {
    errors.ConfigError: Verdict(6, "invalid", "docs/configuration.md lists every key; try 'axion-bus check-config FILE'"),
    errors.StoreUnavailable: Verdict(
        5, "unavailable", "'axion-bus config show' shows which [store] is in force, and which file says so"
    ),
    errors.BrokerMissing: Verdict(
        5,
        "unavailable",
        "apt-get install mosquitto, or pip install 'axion-bus[embedded]'; on a broker elsewhere, use 'axion-bus run'",
    ),
    errors.BusUnavailable: Verdict(
        5, "unavailable", "is the broker running? 'axion-bus config show' shows which [mqtt] is in force"
    ),
    errors.DaemonAway: Verdict(
        5, "unavailable", "does it run, on this configuration file? 'systemctl status axion-bus' tells; --config names another file"
    ),
    errors.SchemaError: Verdict(4, "refused", "see 'axion-bus db status'; 'axion-bus db upgrade' upgrades an older schema"),
    errors.AlreadyRunning: Verdict(4, "refused", "stop the other daemon, or give this one a client_id and store of its own"),
    errors.InvalidTransition: Verdict(4, "invalid_transition", "choose one of the allowed statuses"),
    errors.NotFound: Verdict(3, "not_found", "'axion-bus list-incidents' shows the incidents that there are"),
    errors.ValidationFailed: Verdict(2, "invalid", "nothing was changed; correct what is named, and try again"),
    errors.Conflict: Verdict(4, "conflict", "'axion-bus get-incident' shows it as it is now"),
    errors.StoreConflict: Verdict(4, "conflict", "somebody else changed it at the same time; look at it again, then retry"),
    errors.AxionError: Verdict(1, "failed", "run again with -vv for the traceback"),
    Exception: Verdict(1, "internal", "this is a bug of axion-bus; please report it with what -vv prints"),
}
"""From the special to the general: the first class that fits decides."""


def verdict_on(error: Exception) -> Verdict:
    """The verdict on ``error``."""
    return next(verdict for kind, verdict in VERDICTS.items() if isinstance(error, kind))


def report_failure(error: Exception, invocation: Invocation) -> int:
    """Say what failed and return the exit code; a traceback only with -vv."""
    if invocation.verbosity > 1:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    verdict = verdict_on(error)
    is_ours = isinstance(error, errors.AxionError)
    message = str(error) if is_ours else f"internal error: {type(error).__name__}: {error}"
    _tell(verdict.code, message, verdict.hint, as_json=invocation.as_json)
    return verdict.exit_code


def report_usage(error: click.ClickException, *, as_json: bool) -> int:
    """Say what is wrong with the command line, and return its exit code, 2. A group without a verb gets its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not as_json:
        error.show()
        return error.exit_code
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "axion-bus"
    _tell("usage", error.format_message(), f"'{path} --help' shows what is allowed", as_json=as_json)
    return error.exit_code


def _tell(code: str, message: str, hint: str, *, as_json: bool) -> None:
    if as_json:
        error = {"code": code, "message": message, "hint": hint}
        click.echo(json.dumps({"ok": False, "error": error}, ensure_ascii=False))
        return
    for line in message.splitlines() or [""]:
        click.echo(f"axion-bus: {line}", err=True)
    click.echo(f"hint: {hint}", err=True)
