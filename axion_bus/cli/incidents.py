"""``create-incident``, ``update-status`` and the other verbs that change an incident; the guide's flags in the guide's order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import INCIDENT_COLUMNS, by_option, cell, managing, sheet, succeed, version_option
from axion_bus.cli.tables import table
from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.domain.note import NoteType

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.sync import IncidentManager

Row = dict[str, Any]

_SHEET = (
    "IncidentGuid", "Title", "Severity", "Status", "CloseReason", "MergedInto", "Package", "AssignedTo", "CreatedAt",
    "AcknowledgedAt", "UpdatedAt", "ClosedAt", "RuleName", "Version", "Description",
)  # fmt: skip
_severity = click.Choice([each.name for each in reversed(Severity)], case_sensitive=False)
_status = click.Choice([each.value for each in IncidentStatus], case_sensitive=False)
_note_type = click.Choice([each.value for each in NoteType], case_sensitive=False)
_reason = click.Choice([CloseReason.RESOLVED, CloseReason.DUPLICATE, CloseReason.FALSE_ALARM], case_sensitive=False)


@click.command("create-incident")
@click.option("--title", required=True, help="A line that says what is wrong.")
@click.option("--severity", type=_severity, required=True)
@click.option("--package", required=True, help="What it is about.")
@click.option("--description", default="", help="More about it.")
@click.option("--assigned-to", help="Who is to resolve it.")
@click.option("--alert", "alert_links", multiple=True, metavar="GUID", help="An alert that it is about; may be given often.")
@by_option
@common_options
@click.pass_obj
def create(invocation: Invocation, /, *, by: str, **given: Any) -> None:
    """Open an incident and print its guid."""
    with managing(invocation) as manager:
        guid = manager.create_incident(**given, created_by=by)
    succeed(invocation, {"IncidentGuid": guid}, guid)


@click.command("list-incidents")
@click.option("--status", type=_status)
@click.option("--severity", type=_severity)
@click.option("--package")
@click.option("--assigned-to")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip so many, for the next page.")
@common_options
@click.pass_obj
def list_(invocation: Invocation, /, **wanted: Any) -> None:
    """List incidents, the newest first."""
    with managing(invocation) as manager:
        rows = manager.list_incidents(**wanted)
    succeed(invocation, rows, table(rows, INCIDENT_COLUMNS, "no incident"))


@click.command("get-incident")
@click.argument("incident")
@common_options
@click.pass_obj
def get(invocation: Invocation, incident: str) -> None:
    """Show one INCIDENT: its guid, or the beginning of it."""
    with managing(invocation) as manager:
        row = manager.get_incident(manager.find_incident(incident))
    succeed(invocation, row, sheet(row, _SHEET))


@click.command("update-status")
@click.argument("incident")
@click.argument("status", type=_status)
@by_option
@version_option
@common_options
@click.pass_obj
def update_status(invocation: Invocation, *, incident: str, status: str, by: str, expected_version: int | None) -> None:
    """Move INCIDENT along its life cycle, to STATUS."""
    _change(
        invocation,
        incident,
        lambda manager, guid: manager.update_incident_status(guid, status, by, expected_version=expected_version),
    )


@click.command("acknowledge")
@click.argument("incident")
@by_option
@version_option
@common_options
@click.pass_obj
def acknowledge(invocation: Invocation, *, incident: str, by: str, expected_version: int | None) -> None:
    """Take INCIDENT on: it is being investigated, and yours if it was nobody's."""
    _change(invocation, incident, lambda manager, guid: manager.acknowledge(guid, by, expected_version=expected_version))


@click.command("assign")
@click.argument("incident")
@click.argument("person", required=False)
@by_option
@version_option
@common_options
@click.pass_obj
def assign(invocation: Invocation, *, incident: str, person: str | None, by: str, expected_version: int | None) -> None:
    """Put INCIDENT into the hands of PERSON; without one, of nobody."""
    _change(invocation, incident, lambda manager, guid: manager.assign(guid, person, by, expected_version=expected_version))


@click.command("add-note")
@click.argument("incident")
@click.option("--type", "note_type", type=_note_type, default=NoteType.GENERAL.value, show_default=True)
@click.option("--content", required=True, help='The text; "-": from stdin.')
@by_option
@version_option
@common_options
@click.pass_obj
def add_note(invocation: Invocation, *, incident: str, note_type: str, content: str, by: str, expected_version: int | None) -> None:
    """Write a note on INCIDENT."""
    text = sys.stdin.read() if content == "-" else content
    _change(
        invocation,
        incident,
        lambda manager, guid: manager.add_incident_note(guid, note_type, text, by, expected_version=expected_version),
    )


@click.command("close-incident")
@click.argument("incident")
@click.option("--resolution", help="How it was fixed.")
@click.option("--root-cause", help="What caused it.")
@click.option("--reason", type=_reason, default=CloseReason.RESOLVED.value, show_default=True)
@by_option
@version_option
@common_options
@click.pass_obj
def close(
    invocation: Invocation,
    *,
    incident: str,
    resolution: str | None,
    root_cause: str | None,
    reason: str,
    by: str,
    expected_version: int | None,
) -> None:
    """Close INCIDENT."""
    _change(
        invocation,
        incident,
        lambda manager, guid: manager.close_incident(
            guid, resolution, root_cause, by, close_reason=reason, expected_version=expected_version
        ),
    )


@click.command("reopen-incident")
@click.argument("incident")
@by_option
@version_option
@common_options
@click.pass_obj
def reopen(invocation: Invocation, *, incident: str, by: str, expected_version: int | None) -> None:
    """Bring a closed INCIDENT back under investigation."""
    _change(invocation, incident, lambda manager, guid: manager.reopen_incident(guid, by, expected_version=expected_version))


@click.command("link-alert")
@click.argument("incident")
@click.argument("alert")
@by_option
@version_option
@common_options
@click.pass_obj
def link_alert(invocation: Invocation, *, incident: str, alert: str, by: str, expected_version: int | None) -> None:
    """Link ALERT, by its whole guid, to INCIDENT."""
    _change(
        invocation,
        incident,
        lambda manager, guid: manager.link_alert_to_incident(guid, alert, by, expected_version=expected_version),
    )


@click.command("merge-incidents")
@click.argument("source")
@click.argument("target")
@by_option
@common_options
@click.pass_obj
def merge(invocation: Invocation, *, source: str, target: str, by: str) -> None:
    """Move everything of incident SOURCE to TARGET and close SOURCE."""
    with managing(invocation) as manager:
        row = manager.merge_incidents(manager.find_incident(source), manager.find_incident(target), by)
    succeed(invocation, row, _line(row))


def _change(invocation: Invocation, incident: str, change: Callable[[IncidentManager, str], Row]) -> None:
    with managing(invocation) as manager:
        row = change(manager, manager.find_incident(incident))
    succeed(invocation, row, _line(row))


def _line(row: Row) -> str:
    """What has become of an incident, on one line."""
    assigned = f", assigned to {cell(row['AssignedTo'])}" if row["AssignedTo"] else ""
    return f"{row['IncidentGuid']}  {row['Severity']} {row['Status']}{assigned}: {cell(row['Title'])} (version {row['Version']})"
