"""What callers see of the domain's types: dicts keyed by the guide's column names, enums as texts, times as aware UTC datetimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axion_bus.domain.incident import Incident


def incident_view(incident: Incident) -> dict[str, Any]:
    """A row of ``data_incident``."""
    return {
        "IncidentGuid": incident.guid,
        "Title": incident.title,
        "Severity": incident.severity.name,
        "Status": incident.status.value,
        "Package": incident.package,
        "Description": incident.description,
        "AssignedTo": incident.assigned_to,
        "CreatedAt": incident.created_at,
        "UpdatedAt": incident.updated_at,
        "AcknowledgedAt": incident.acknowledged_at,
        "ClosedAt": incident.closed_at,
        "CloseReason": None if incident.close_reason is None else incident.close_reason.value,
        "MergedInto": incident.merged_into,
        "Version": incident.version,
        "RuleName": incident.rule,
    }
