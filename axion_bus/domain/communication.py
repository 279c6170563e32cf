"""One row of the audit stream, which is the inbox and the outbox at once.

INBOUND rows say what came in and what was decided; OUTBOUND rows are PENDING until the relay has settled them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Channel(StrEnum):
    """The ways a message travels that the daemon knows. People also log others, such as PHONE."""

    PAGERDUTY = "PAGERDUTY"
    SLACK = "SLACK"
    DISCORD = "DISCORD"
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    EMAIL = "EMAIL"
    WEBHOOK = "WEBHOOK"
    APPRISE = "APPRISE"
    MQTT = "MQTT"
    DBUS = "DBUS"


class Direction(StrEnum):
    """Whether a message came in or goes out."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class CommunicationStatus(StrEnum):
    """RECEIVED and FAILED for what came in; PENDING, SENT and FAILED for what goes out."""

    RECEIVED = "RECEIVED"
    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class Reason(StrEnum):
    """Why an alert had the effect that it had; kept in the row's Metadata, printed by ``explain``. A closed list."""

    OPENED = "opened"  # opened an incident
    LINKED = "linked"  # a new alert, linked to the open incident of its key
    REPEATED = "repeated"  # counted on the alert that is open already
    SEVERITY_CHANGED = "severity_changed"  # a repeat that is worse or better than before
    REOPENED = "reopened"  # reopened the incident that was closed within reopen_within
    BELOW_CREATE_AT = "below_create_at"  # recorded; not severe enough to open an incident, and none is open
    RESOLVED = "resolved"  # closed the open alert
    OUT_OF_ORDER = "out_of_order"  # a resolve that happened before the alert fired last: the alert stays open
    NOTHING_TO_RESOLVE = "nothing_to_resolve"  # a resolve for which no alert is open
    SILENCED = "silenced"  # counted; the silence that Metadata names keeps it from opening an incident or raising one


class Asked(StrEnum):
    """What became of a command or of a person's reply that was accepted; kept in the row's Metadata. A closed list."""

    COMMAND = "command"  # carried out
    REPEATED_COMMAND = "repeated_command"  # carried out before, under the same idempotency_key; answered as then
    REPLY = "reply"  # recorded, with the incident whose reference it quotes
    REPLY_WITHOUT_REFERENCE = "reply_without_reference"  # recorded, and about nothing that we know
    REPEATED_REPLY = "repeated_reply"  # its external_id was accepted before
    REPLY_ACK = "reply_ack"  # it acknowledged an incident
    REPLY_CLOSE = "reply_close"  # it closed one
    REPLY_NOTE = "reply_note"  # it became a note


class Fault(StrEnum):
    """Why a message was not accepted; kept in the FAILED row's Metadata. A closed list."""

    EMPTY = "empty"
    RETAINED = "retained"
    BAD_TOPIC = "bad_topic"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_encoding"
    BAD_JSON = "bad_json"
    BAD_NUMBER = "bad_number"
    DUPLICATE_KEY = "duplicate_key"
    TOO_DEEP = "too_deep"
    TOO_MANY = "too_many"
    NUL = "nul"
    TOO_LONG = "too_long"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    UNKNOWN_STATUS = "unknown_status"
    MAPPING_FAILED = "mapping_failed"
    EXPIRED = "expired"  # a command that came too late to be carried out
    REFUSED = "refused"  # a command that the life cycle, the arguments or the state of things do not allow
    SENDER_NOT_ALLOWED = "sender_not_allowed"  # a person's command by a reply, from somebody who may not
    UNKNOWN_REFERENCE = "unknown_reference"  # a person's command by a reply, about a message that nobody knows
    OWN_PUBLICATION = "own_publication"  # published by this instance and sent back to it, by a bridge perhaps
    ACCESS_DENIED = "access_denied"  # from a D-Bus sender whose uid is not on the list, or cannot be found out where there is one
    FILE_DESCRIPTORS = "file_descriptors"  # a D-Bus message that carries them
    INTERNAL = "internal"  # a bug of ours; the row keeps what is needed to repeat it
    SESSION_LOST = "session_lost"  # not a message but a gap: the broker no longer had our session
    SESSION_UNSURE = "session_unsure"  # a gap, perhaps: whether the broker still had our session was never put on record
    BROKER_DROPPED = "broker_dropped"  # a gap: the broker's own count of dropped messages grew
    SIGNALS_MISSED = "signals_missed"  # a gap: we were not on the D-Bus bus
    SIGNALS_DROPPED = "signals_dropped"  # a gap: more D-Bus signals came than could be taken
    RELOAD_REFUSED = "reload_refused"  # not a message: a changed configuration was faulty, the one before it stays in force


@immutable(frozen=True, slots=True, kw_only=True)
class Communication:
    """One row of ``data_incident_communication``. Times are aware UTC.

    ``channel`` is one of Channel, or the name of another way that a person logged. ``message`` is text for people and programs;
    ``raw`` the exact bytes of what could not be read (capped).
    ``ingest_key`` makes (source, id) unique. ``sequence`` orders the OUTBOUND events of one incident.
    ``next_attempt_at`` is set while the row is PENDING, and only then.
    """

    guid: str
    short_ref: str
    channel: str
    direction: Direction
    status: CommunicationStatus
    message: str
    recipient: str
    timestamp: datetime
    metadata: Mapping[str, object]
    incident_guid: str | None = None
    alert_guid: str | None = None
    external_id: str | None = None
    error_message: str | None = None
    ingest_key: str | None = None
    raw: bytes | None = None
    sequence: int | None = None
    next_attempt_at: datetime | None = None
