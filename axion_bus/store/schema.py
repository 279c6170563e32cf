"""The tables, once, for SQLite and MariaDB/MySQL: the guide's names, times in UTC to the microsecond, identifiers exact.

What makes promises hold is here as indexes: one open alert per fingerprint, one open incident per correlation key, one row per
(source, id). ``migrations/`` brings a database to this state; a contract test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import JSON, TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

REVISION = "0005"
"""The newest migration; a test holds it to what Alembic finds."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database: drivers store an offset's wall clock without converting it."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """MySQL and MariaDB keep microseconds only in DATETIME(6)."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name == "mysql" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time rather than guess its zone."""
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError(f"{value!r} has no time zone")
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What was stored, with its zone."""
        return None if value is None else value.replace(tzinfo=UTC)


def exact_collation(dialect: Dialect) -> str:
    """The collation of every text on a server: exact, trailing spaces too, which the old ``_bin`` ones ignore."""
    return "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"


_Id = String(255)
_Long = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_Serial = BigInteger().with_variant(Integer(), "sqlite")
_Raw = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
_Direction = String(8).with_variant(mysql.ENUM("OUTBOUND", "INBOUND"), "mysql")
metadata = MetaData()

alert = Table(
    "data_alert",
    metadata,
    Column("AlertGuid", _Id, primary_key=True),
    Column("Fingerprint", String(32), nullable=False),
    Column("Source", String(255), nullable=False),
    Column("Package", String(100), nullable=False),
    Column("Title", String(512), nullable=False),
    Column("Severity", String(8), nullable=False),
    Column("Status", String(8), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("Labels", JSON, nullable=False),
    Column("Count", Integer, nullable=False),
    Column("FirstSeenAt", UtcDateTime, nullable=False),
    Column("LastSeenAt", UtcDateTime, nullable=False),
    Column("OccurredAt", UtcDateTime),
    Column("ResolvedAt", UtcDateTime),
    Column("IncidentGuid", _Id),
    Column("OpenFingerprint", String(32), Computed("CASE WHEN Status = 'FIRING' THEN Fingerprint END", persisted=True)),
    Column("DedupKey", String(255)),
    Column("SilencedBy", _Id),
    Index("uq_alert_open", "OpenFingerprint", unique=True),
    Index("idx_alert_incident", "IncidentGuid", "Status"),
    Index("idx_alert_silenced", "SilencedBy"),
)

incident = Table(
    "data_incident",
    metadata,
    Column("IncidentGuid", _Id, primary_key=True),
    Column("Title", String(512), nullable=False),
    Column("Severity", String(8), nullable=False),
    Column("Status", String(16), nullable=False),
    Column("Package", String(100), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("AssignedTo", String(255)),
    Column("CreatedAt", UtcDateTime, nullable=False),
    Column("UpdatedAt", UtcDateTime, nullable=False),
    Column("AcknowledgedAt", UtcDateTime),
    Column("ClosedAt", UtcDateTime),
    Column("CloseReason", String(16)),
    Column("MergedInto", _Id),
    Column("Version", Integer, nullable=False),
    Column("Sequence", Integer, nullable=False),
    Column("RuleName", String(255)),
    Column("CorrelationKey", String(32)),
    Column("AutoCloseAt", UtcDateTime),
    Column("ClearStateAt", UtcDateTime),
    Column("OpenKey", String(32), Computed("CASE WHEN Status <> 'CLOSED' THEN CorrelationKey END", persisted=True)),
    Index("uq_incident_open", "OpenKey", unique=True),
    Index("idx_incident_key", "CorrelationKey", "ClosedAt"),
    Index("idx_incident_merged", "CorrelationKey", "MergedInto"),
    Index("idx_incident_merged_into", "MergedInto"),
    Index("idx_incident_status", "Status", "CreatedAt"),
    Index("idx_incident_auto_close", "AutoCloseAt"),
    Index("idx_incident_clear_state", "ClearStateAt"),
)

incident_alert = Table(
    "data_incident_alert",
    metadata,
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), primary_key=True),
    Column("AlertGuid", _Id, primary_key=True),
    Column("LinkedAt", UtcDateTime, nullable=False),
    Index("idx_incident_alert_alert", "AlertGuid"),
)

note = Table(
    "data_incident_note",
    metadata,
    Column("NoteId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("NoteType", String(16), nullable=False),
    Column("Content", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", UtcDateTime, nullable=False),
    Index("idx_note_incident", "IncidentGuid"),
)

timeline = Table(
    "data_incident_timeline",
    metadata,
    Column("TimelineId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("EventType", String(32), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("Timestamp", UtcDateTime, nullable=False),
    Index("idx_timeline_incident", "IncidentGuid"),
)

communication = Table(
    "data_incident_communication",
    metadata,
    Column("CommunicationGuid", _Id, primary_key=True),
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="SET NULL")),
    Column("AlertGuid", _Id),
    Column("ShortRef", String(20), nullable=False),
    Column("Channel", String(50), nullable=False),
    Column("Direction", _Direction, nullable=False, server_default="OUTBOUND"),
    Column("Status", String(50), nullable=False, server_default="SENT"),
    Column("Message", _Long, nullable=False),
    Column("Recipient", _Long, nullable=False),
    Column("ExternalId", String(255)),
    Column("ErrorMessage", _Long),
    Column("Timestamp", UtcDateTime, nullable=False),
    Column("Metadata", JSON),
    Column("IngestKey", String(32)),
    Column("Raw", _Raw),
    Column("Sequence", Integer),
    Column("Attempts", Integer, nullable=False, server_default="0"),
    Column("NextAttemptAt", UtcDateTime),
    Column("LeaseOwner", String(64)),
    Column("LeaseUntil", UtcDateTime),
    Index("idx_short_ref", "ShortRef", unique=True),
    Index("uq_communication_ingest", "IngestKey", unique=True),
    # NextAttemptAt is NULL but for what is PENDING: what is due on a channel, in order, and unsettled of an incident are one range
    Index("idx_communication_channel_due", "Channel", "NextAttemptAt", "CommunicationGuid"),
    Index("idx_incident_guid", "IncidentGuid", "NextAttemptAt"),
    Index("idx_timestamp", "Timestamp"),
)

attempt = Table(
    "data_incident_communication_attempt",
    metadata,
    Column("AttemptId", _Serial, primary_key=True, autoincrement=True),
    Column(
        "CommunicationGuid",
        _Id,
        ForeignKey("data_incident_communication.CommunicationGuid", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("Number", Integer, nullable=False),
    Column("StartedAt", UtcDateTime, nullable=False),
    Column("FinishedAt", UtcDateTime),
    Column("Status", String(16), nullable=False),
    Column("ErrorMessage", _Long),
    Index("idx_attempt_communication", "CommunicationGuid"),
)

notify = Table(
    "def_notify",
    metadata,
    Column("NotifyCode", String(64), primary_key=True),
    Column("NotifyName", String(255), nullable=False),
    Column("NotifyChannels", String(255), nullable=False),
    Column("Title", _Long),
    Column("Template", _Long),
    Column("Recipients", JSON),
)

silence = Table(
    "def_silence",
    metadata,
    Column("SilenceGuid", _Id, primary_key=True),
    Column("Matchers", JSON, nullable=False),
    Column("Comment", String(512), nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", UtcDateTime, nullable=False),
    Column("StartsAt", UtcDateTime, nullable=False),
    Column("EndsAt", UtcDateTime, nullable=False),
    Column("ExpiredBy", String(255)),
    Index("idx_silence_ends", "EndsAt"),
)

ingest_slot = Table(
    "data_ingest_slot",
    metadata,
    Column("ClientId", String(255), primary_key=True),
    Column("Instance", String(64), nullable=False),
    Column("BootId", String(36), nullable=False),
    Column("Fence", Integer, nullable=False),
    Column("SubscribedAt", UtcDateTime),
    Column("BrokerDropped", BigInteger),
    Column("ConnectingSince", UtcDateTime),
    Column("Filters", JSON),
)
