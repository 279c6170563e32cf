"""``notify-incident``, ``log-communication``, ``email-report``: telling people, and recording what they were told otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import by_option, managing, succeed

PARTLY_DONE = 7


@click.command("notify-incident")
@click.argument("incident")
@click.argument("code")
@click.option(
    "--template",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the text; the guide's placeholders are filled in.",
)
@click.option("--dry-run", is_flag=True, help="Show the message of each channel; send and record nothing.")
@by_option
@common_options
@click.pass_obj
def notify(invocation: Invocation, *, incident: str, code: str, template: Path | None, dry_run: bool, by: str) -> int:
    """Tell the people whom notify code CODE stands for about INCIDENT."""
    text = None if template is None else template.read_text("utf-8")
    with managing(invocation) as manager:
        if dry_run:
            rows = manager.preview_notification(manager.find_incident(incident), code, text)
            succeed(invocation, rows, "\n\n".join(map(_previewed, rows)))
            return 0
        stats = manager.notify_incident(manager.find_incident(incident), code, text, by)
    return _count(invocation, stats)


@click.command("email-report")
@click.argument("incident")
@click.option("--format", "format_", type=click.Choice(["html", "text", "markdown"]), default="html", show_default=True)
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="Somebody else who is to have it; may be given often.")
@by_option
@common_options
@click.pass_obj
def email_report(invocation: Invocation, *, incident: str, format_: str, recipients: tuple[str, ...], by: str) -> int:
    """Mail the report of INCIDENT to the people of [channels.email] and to others."""
    with managing(invocation) as manager:
        stats = manager.email_incident_report(manager.find_incident(incident), format_, recipients, sent_by=by)
    return _count(invocation, stats)


@click.command("log-communication")
@click.argument("incident")
@click.option("--channel", required=True, help="By what: PHONE, SLACK, ...")
@click.option(
    "--direction", type=click.Choice(["OUTBOUND", "INBOUND"], case_sensitive=False), default="OUTBOUND", show_default=True
)
@click.option("--message", required=True)
@click.option("--recipient", help="To whom.")
@click.option(
    "--status", type=click.Choice(["SENT", "FAILED", "RECEIVED"], case_sensitive=False), default="SENT", show_default=True
)
@click.option("--metadata", callback=lambda _ctx, _param, value: _json(value), help="More about it, as a JSON object.")
@by_option
@common_options
@click.pass_obj
def log(invocation: Invocation, /, *, incident: str, by: str, **given: Any) -> None:
    """Record what was said about INCIDENT by other means; print its reference."""
    with managing(invocation) as manager:
        guid, reference = manager.log_communication(manager.find_incident(incident), **given, logged_by=by)
    succeed(invocation, {"CommunicationGuid": guid, "ShortRef": reference}, reference)


def _json(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as exc:
        raise click.BadParameter(f"is not JSON: {exc}") from None


def _previewed(row: dict[str, Any]) -> str:
    """One message as it would be sent, or why it would not."""
    head = f"{row['Channel']} to {row['Recipient']}" if row["Recipient"] else row["Channel"]
    if row["ErrorMessage"]:
        return f"--- {head}: {row['ErrorMessage']}"
    return f"--- {head}\n{row['Title']}\n\n{row['Message'].rstrip()}"


def _count(invocation: Invocation, stats: dict[str, int]) -> int:
    """Print what became of the messages; the exit code tells whether all, some or none may arrive."""
    text = f"sent {stats['sent']}, failed {stats['failed']}, pending {stats['pending']}"
    succeed(invocation, stats, text)
    if not stats["failed"]:
        return 0
    return PARTLY_DONE if stats["sent"] or stats["pending"] else 1
