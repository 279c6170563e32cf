"""What programs on the bus get to see, as types: the shapes that ``formats.events`` fills, and that the JSON Schemas are made from.

Types only. A text beside a type (``Annotated``) is its description, a Fits is a keyword of its schema; ``schemas`` reads both, and
mypy holds the code that fills them to the keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.events import EventKind
from axion_bus.domain.incident import CloseReason, IncidentStatus

TYPE_PREFIX = "org.axion.bus."


@dataclass(frozen=True, slots=True)
class Fits:
    """One keyword of JSON Schema; an array is a tuple here."""

    keyword: str
    value: str | int | tuple[str, ...] | tuple[int, ...]


def event_type(kind: str) -> str:
    """``incident/created`` as ``org.axion.bus.incident.created.v1``."""
    return f"{TYPE_PREFIX}{kind.replace('/', '.')}.v1"


Guid = Annotated[str, Fits("minLength", 1), Fits("maxLength", 255)]
SeverityName = Annotated[str, Fits("enum", tuple(severity.name for severity in Severity))]


class IncidentView(TypedDict):
    """An incident as programs on the bus see it: in events, in answers, and as the retained state."""

    incident_guid: Guid
    version: Annotated[int, Fits("minimum", 1), "Rises by one with each change."]
    title: str
    severity: SeverityName
    status: Annotated[str, Fits("enum", tuple(status.value for status in IncidentStatus))]
    package: str
    description: str
    assigned_to: str | None
    created_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None
    closed_at: datetime | None
    close_reason: Annotated[CloseReason | None, "Why it was closed; null while it is open."]
    merged_into: Annotated[Guid | None, "The incident that it was merged into."]
    rule: Annotated[str | None, "The rule that opened it; null if a person did."]
    truncated: NotRequired[Annotated[Literal[True], "The description was cut, so that the event stays below 64 KiB."]]


class AlertView(TypedDict):
    """An alert as programs on the bus see it, with its repeats folded in."""

    alert_guid: Guid
    fingerprint: str
    source: str
    package: str
    title: str
    severity: SeverityName
    status: Annotated[str, Fits("enum", tuple(status.value.lower() for status in AlertStatus))]
    description: str
    labels: NotRequired[Annotated[Mapping[str, str], "Left out where the event is truncated."]]
    count: Annotated[int, Fits("minimum", 1), "How often it occurred, the first time included."]
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    truncated: NotRequired[Annotated[Literal[True], "The description was cut, so that the event stays below 64 KiB."]]


class Change(TypedDict):
    """The value that changed: a status, a severity, a person, a reference."""

    old: str | None
    new: str


class EventData(TypedDict):
    """What happened, to what, why, and who caused it."""

    reason: Annotated[str, "The named reason of the decision."]
    by: Annotated[str, "Who caused it; `axion-bus` for what the daemon decided by itself."]
    reference: Annotated[str, "The event's own, in the audit stream.", Fits("pattern", "^REF-[0-9]{8}-[0-9A-Z]{3,7}$")]
    incident: NotRequired[IncidentView]
    alert: NotRequired[AlertView]
    change: NotRequired[Change]


class Attributes(TypedDict):
    """What a CloudEvent says of itself; with MQTT 5 these are user properties, too."""

    specversion: Annotated[str, Fits("const", "1.0")]
    id: Annotated[Guid, "The same for each delivery of this event: by it a repeated one is known."]
    source: Annotated[str, "`/axion-bus/<instance>`.", Fits("pattern", "^/axion-bus/")]
    type: Annotated[str, Fits("enum", tuple(event_type(kind.value) for kind in EventKind))]
    time: datetime
    datacontenttype: Annotated[str, Fits("const", "application/json")]
    subject: NotRequired[Annotated[Guid, "The incident's guid; without an incident, the alert's."]]
    severitytext: NotRequired[SeverityName]
    severitynumber: NotRequired[
        Annotated[int, Fits("enum", tuple(severity.value for severity in Severity)), "OpenTelemetry's number of the severity."]
    ]
    sequence: NotRequired[
        Annotated[str, "Strictly increasing for each incident; a decimal number.", Fits("pattern", "^[1-9][0-9]*$")]
    ]


class CloudEvent(Attributes):
    """An event: CloudEvents 1.0, structured JSON. With MQTT 5 its attributes are user properties, too."""

    data: EventData


class Summary(TypedDict):
    """Counts of the open incidents. What there is none of is not listed."""

    status: Mapping[str, int]
    severity: Mapping[str, int]
    package: Mapping[str, int]


class HeardSource(TypedDict):
    """One topic that an instance listens to."""

    topic: str
    format: str


class InstanceInfo(TypedDict):
    """What an instance tells about itself; no secrets."""

    instance: str
    version: str
    boot_id: Annotated[str, "Another one after each start."]
    started_at: datetime
    store: Annotated[str, "The kind of its database."]
    sources: list[HeardSource]
    dbus: Annotated[str, "The D-Bus bus that it is on: `system`, `session`, an address, or `off`."]
    rules: list[str]


class RefusedWhy(TypedDict):
    """Why a command was not carried out."""

    code: Annotated[
        str,
        Fits(
            "enum",
            (
                "not_found",
                "invalid_transition",
                "conflict",
                "invalid",
                "unavailable",
                "refused",
            ),
        ),
    ]
    message: str
    allowed: NotRequired[Annotated[list[str], "With `invalid_transition`: the statuses that may follow."]]
