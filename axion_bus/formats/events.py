"""Events and incident states as bytes for the bus: CloudEvents 1.0, structured JSON (JSON event format, MQTT binding 3.2).

An event is encoded once, when its row is queued, so that what is published is what was committed. Called by the outbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from axion_bus.formats.wire import event_type

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.events import Event
    from axion_bus.domain.incident import Incident
    from axion_bus.formats.wire import AlertView, Attributes, CloudEvent, EventData, IncidentView

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MAX_BYTES = 64 * 1024
"""What intermediaries must forward (CloudEvents 1.0, Size Limits); a larger event is published without what people can look up."""

_SHORT = 1024


def encode(event: Event, *, event_id: str, reference: str, instance: str, at: datetime) -> str:
    """``event`` as a structured CloudEvent, below MAX_BYTES: an event too large loses its labels and most of its description."""
    body = _body(event, event_id=event_id, reference=reference, instance=instance, at=at)
    encoded = to_json(body)
    if len(encoded) > MAX_BYTES:
        encoded = to_json(_shortened(body))
    return encoded.decode()


def _body(event: Event, *, event_id: str, reference: str, instance: str, at: datetime) -> CloudEvent:
    data: EventData = {"reason": event.reason, "by": event.by, "reference": reference}
    if event.incident is not None:
        data["incident"] = incident_view(event.incident)
    if event.alert is not None:
        data["alert"] = alert_view(event.alert)
    if event.new is not None:
        data["change"] = {"old": event.old, "new": event.new}
    attributes: Attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/axion-bus/{instance}",
        "type": event_type(event.kind.value),
        "time": at,
        "datacontenttype": "application/json",
    }
    about = event.incident or event.alert
    if about is not None:
        attributes["subject"] = about.guid
        attributes["severitytext"] = about.severity.name
        attributes["severitynumber"] = about.severity.value
    if event.sequence is not None:
        attributes["sequence"] = str(event.sequence)
    return {**attributes, "data": data}


def _shortened(body: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(body["data"])
    for name in ("incident", "alert"):
        if name in data:
            data[name] = {**data[name], "description": data[name]["description"][:_SHORT], "truncated": True}
            data[name].pop("labels", None)
    return {**body, "data": data}


def incident_view(incident: Incident) -> IncidentView:
    """An incident as programs on the bus see it; also the retained state. Times become RFC 3339 in UTC."""
    return {
        "incident_guid": incident.guid,
        "version": incident.version,
        "title": incident.title,
        "severity": incident.severity.name,
        "status": incident.status.value,
        "package": incident.package,
        "description": incident.description,
        "assigned_to": incident.assigned_to,
        "created_at": incident.created_at,
        "updated_at": incident.updated_at,
        "acknowledged_at": incident.acknowledged_at,
        "closed_at": incident.closed_at,
        "close_reason": incident.close_reason,
        "merged_into": incident.merged_into,
        "rule": incident.rule,
    }


def alert_view(alert: AlertRecord) -> AlertView:
    """An alert as programs on the bus see it. Times become RFC 3339 in UTC."""
    return {
        "alert_guid": alert.guid,
        "fingerprint": alert.fingerprint,
        "source": alert.source,
        "package": alert.package,
        "title": alert.title,
        "severity": alert.severity.name,
        "status": alert.status.value.lower(),
        "description": alert.description,
        "labels": dict(alert.labels),
        "count": alert.count,
        "first_seen_at": alert.first_seen_at,
        "last_seen_at": alert.last_seen_at,
        "resolved_at": alert.resolved_at,
    }


def encode_state(incident: Incident) -> bytes:
    """The retained state of ``incident``."""
    return to_json(incident_view(incident))
