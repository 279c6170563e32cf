"""``timeline``, ``list-alerts``, ``list-communications``, ``lookup-ref``: what happened to an incident, what was said of it."""

from __future__ import annotations

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import managing, sheet, succeed
from axion_bus.cli.tables import table
from axion_bus.errors import NotFound

_COMMUNICATION = (
    "ShortRef", "CommunicationGuid", "Channel", "Direction", "Status", "Recipient", "Timestamp", "ExternalId", "ErrorMessage",
    "IncidentGuid", "IncidentTitle", "IncidentSeverity", "AlertGuid", "Attempts", "NextAttemptAt", "Message",
)  # fmt: skip


@click.command("timeline")
@click.argument("incident")
@common_options
@click.pass_obj
def timeline(invocation: Invocation, incident: str) -> None:
    """Show everything that happened to INCIDENT, in order."""
    with managing(invocation) as manager:
        rows = manager.get_incident_timeline(manager.find_incident(incident))
    succeed(invocation, rows, table(rows, ("Timestamp", "EventType", "CreatedBy", "Description"), "nothing happened"))


@click.command("list-alerts")
@click.argument("incident")
@common_options
@click.pass_obj
def list_alerts(invocation: Invocation, incident: str) -> None:
    """List the alerts linked to INCIDENT."""
    with managing(invocation) as manager:
        rows = manager.get_incident_alerts(manager.find_incident(incident))
    columns = ("AlertGuid", "LinkedAt", "Severity", "Status", "Count", "Source", "Title")
    succeed(invocation, rows, table(rows, columns, "no alert"))


@click.command("list-communications")
@click.argument("incident")
@click.option("--channel", help="Only those of one channel, such as SLACK.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@common_options
@click.pass_obj
def list_communications(invocation: Invocation, *, incident: str, channel: str | None, limit: int) -> None:
    """List what was said of INCIDENT, the newest first."""
    with managing(invocation) as manager:
        rows = manager.get_incident_communications(manager.find_incident(incident), channel=channel, limit=limit)
    columns = ("ShortRef", "Timestamp", "Channel", "Direction", "Status", "Recipient", "ErrorMessage")
    succeed(invocation, rows, table(rows, columns, "no communication"))


@click.command("lookup-ref")
@click.argument("reference")
@common_options
@click.pass_obj
def lookup_ref(invocation: Invocation, reference: str) -> None:
    """Show the message with REFERENCE, REF-YYYYMMDD-XXX, and every attempt to deliver it."""
    with managing(invocation) as manager:
        row = manager.get_communication_by_ref(reference)
    if row is None:
        raise NotFound(f"no message has the reference {reference.strip().upper()}; is its date right?")
    attempts = table(row["AttemptLog"], ("Number", "StartedAt", "FinishedAt", "Status", "ErrorMessage"), "no attempt to deliver it")
    succeed(invocation, row, f"{sheet(row, _COMMUNICATION)}\n\n{attempts}")
