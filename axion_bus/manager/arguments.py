"""The arguments of every verb, checked once, for all who call them: Python, the shell, the bus. Names are the Python calls' own.

``check`` is the only way in; what it refuses is a ValidationFailed that names each field, what was found and what is allowed.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError, model_validator
from pydantic_core import ErrorDetails

from axion_bus.domain.communication import CommunicationStatus, Direction
from axion_bus.domain.incident import CloseReason
from axion_bus.errors import ValidationFailed
from axion_bus.manager import fields as f
from axion_bus.manager.allowed import Allowed

A = TypeVar("A", bound="Arguments")

SYSTEM = "SYSTEM"
"""Who did it, where nobody says."""

Version = Annotated[StrictInt, Field(ge=1), Allowed("a whole number, from 1 on")]
Limit = Annotated[StrictInt, Field(ge=1, le=10_000), Allowed("a whole number, from 1 to 10000")]


class Arguments(BaseModel):
    """The arguments of one verb."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class CreateIncident(Arguments):
    """``create_incident``."""

    title: f.Title
    severity: f.SeverityField
    package: f.Package
    description: f.Description = ""
    assigned_to: f.Person | None = None
    alert_links: f.Guids = ()
    created_by: f.Person = SYSTEM


class OneIncident(Arguments):
    """What every change of an incident takes: which one, and the version that the caller has seen (None: any)."""

    incident_guid: f.Guid
    expected_version: Version | None = None


class UpdateStatus(OneIncident):
    """``update_incident_status``."""

    new_status: f.StatusField
    updated_by: f.Person = SYSTEM


class Acknowledge(OneIncident):
    """``acknowledge``."""

    acknowledged_by: f.Person = SYSTEM


class Assign(OneIncident):
    """``assign``; None: to nobody."""

    assigned_to: f.Person | None
    assigned_by: f.Person = SYSTEM


class AddNote(OneIncident):
    """``add_incident_note``."""

    note_type: f.NoteTypeField
    content: f.Content
    created_by: f.Person = SYSTEM


class CloseIncident(OneIncident):
    """``close_incident``; what is given becomes notes of these types."""

    resolution_summary: f.Content | None = None
    root_cause: f.Content | None = None
    closed_by: f.Person = SYSTEM
    close_reason: f.CloseReasonField = CloseReason.RESOLVED


class ReopenIncident(OneIncident):
    """``reopen_incident``."""

    reopened_by: f.Person = SYSTEM


class LinkAlert(OneIncident):
    """``link_alert_to_incident``."""

    alert_guid: f.Guid
    linked_by: f.Person = SYSTEM


class MergeIncidents(Arguments):
    """``merge_incidents``; ``expected_version`` is the source's."""

    source_incident_guid: f.Guid
    target_incident_guid: f.Guid
    merged_by: f.Person = SYSTEM
    expected_version: Version | None = None


class LogCommunication(Arguments):
    """``log_communication``."""

    incident_guid: f.Guid
    channel: f.ChannelName
    direction: f.DirectionField = Direction.OUTBOUND
    message: f.Content
    recipient: f.Recipient | None = None
    status: f.LoggedStatus = CommunicationStatus.SENT
    metadata: f.Metadata | None = None
    external_id: f.Person | None = None
    logged_by: f.Person = SYSTEM


class NotifyIncident(Arguments):
    """``notify_incident``; ``message_template`` has the guide's placeholders."""

    incident_guid: f.Guid
    notify_code: f.Code
    message_template: f.Template | None = None
    sent_by: f.Person = SYSTEM


class AddSilence(Arguments):
    """``add_silence``; with the guid of one that is there, it is changed."""

    match: f.Conditions
    ends_at: f.Until
    comment: f.Comment = ""
    created_by: f.Person = SYSTEM
    starts_at: f.Moment | None = None
    silence_guid: f.Guid | None = None


class ExpireSilence(Arguments):
    """``expire_silence``."""

    silence_guid: f.Guid
    expired_by: f.Person = SYSTEM
    must_exist: StrictBool = True


class ListSilences(Arguments):
    """``list_silences``."""

    expired: StrictBool = False
    limit: Limit = 1000


class GetIncident(Arguments):
    """``get_incident``."""

    incident_guid: f.Guid


class LookupRef(Arguments):
    """``get_communication_by_ref``."""

    short_ref: f.Ref


class ListIncidents(Arguments):
    """``list_incidents``; newest first."""

    status: f.StatusField | None = None
    severity: f.SeverityField | None = None
    package: f.Package | None = None
    assigned_to: f.Person | None = None
    limit: Limit = 100
    offset: Annotated[StrictInt, Field(ge=0, le=10_000_000), Allowed("a whole number, from 0 on")] = 0


class ListCommunications(Arguments):
    """``get_incident_communications``; newest first. ``channel`` None: all, bus traffic too."""

    incident_guid: f.Guid
    channel: f.ChannelName | None = None
    limit: Limit = 100


class Report(Arguments):
    """``generate_incident_report``."""

    incident_guid: f.Guid
    format: f.ReportFormat = "text"


class EmailReport(Report):
    """``email_incident_report``; the mail has the report as text beside HTML, whatever the format of the attachment."""

    additional_recipients: f.Addresses = ()
    sent_by: f.Person = SYSTEM


class Metrics(Arguments):
    """``get_incident_metrics``; both ends inclusive, a day means all of it."""

    package: f.Package | None = None
    start_date: f.Start | None = None
    end_date: f.End | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError("end_date lies before start_date")
        return self


def check(kind: type[A], given: Mapping[str, Any]) -> A:
    """``given`` as arguments of ``kind``.

    Raises:
        ValidationFailed: one or more fields are not allowed; nothing was done.

    """
    try:
        return kind.model_validate(given)
    except ValidationError as exc:
        faults = [_fault(kind, details) for details in exc.errors(include_url=False)]
    raise ValidationFailed(faults)


def _fault(kind: type[Arguments], details: ErrorDetails) -> tuple[str, str]:
    name = ".".join(map(str, details["loc"])) or "arguments"
    info = kind.model_fields.get(str(details["loc"][0])) if details["loc"] else None
    allowed = _allowed(info, is_part=len(details["loc"]) > 1)
    match details["type"]:
        case "missing":
            return name, f"it has to be given; allowed: {allowed}"
        case "extra_forbidden":
            return name, f"there is no such argument; known: {', '.join(kind.model_fields)}"
        case "value_error" if info is None:
            return name, str(details["ctx"]["error"])
        case "value_error":
            return name, f"{details['ctx']['error']}: found {_shown(details['input'])}; allowed: {allowed}"
        case _:
            return name, f"found {_shown(details['input'])}; allowed: {allowed}"


def _allowed(info: Any, *, is_part: bool) -> str:
    """The words of the field's Allowed, which may stand inside ``X | None``; of a part, those of the elements."""
    if info is None:
        return "another value"
    of_parts = [mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())]
    words = [mark.text for mark in (*info.metadata, *of_parts) if isinstance(mark, Allowed)]
    return words[-1 if is_part else 0] if words else "a text"


def _shown(value: object) -> str:
    """``value`` for a message: short, on one line, escaped."""
    text = ascii(value) if not isinstance(value, str) or not value.isprintable() else f'"{value}"'
    return text if len(text) <= 80 else f"{text[:80]}..."
