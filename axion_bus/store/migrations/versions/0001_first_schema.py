"""The first schema.

Revision ID: 0001
Revises: none

A migration is history: this is a copy of the tables as they were, and stays as it is when ``store.schema`` moves on.
"""

from __future__ import annotations

from typing import Any

from alembic import op
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
from sqlalchemy.types import JSON

revision = "0001"
down_revision = None

_Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")


def _id(length: int = 255) -> String:
    return String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql")


_Long = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_Serial = BigInteger().with_variant(Integer(), "sqlite")
_Raw = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
_Direction = String(8).with_variant(mysql.ENUM("OUTBOUND", "INBOUND", charset="ascii", collation="ascii_bin"), "mysql")
_options: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

metadata = MetaData()

Table(
    "data_alert",
    metadata,
    Column("AlertGuid", _id(), primary_key=True),
    Column("Fingerprint", _id(32), nullable=False),
    Column("Source", String(255), nullable=False),
    Column("Package", String(100), nullable=False),
    Column("Title", String(512), nullable=False),
    Column("Severity", _id(8), nullable=False),
    Column("Status", _id(8), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("Labels", JSON, nullable=False),
    Column("Count", Integer, nullable=False),
    Column("FirstSeenAt", _Time, nullable=False),
    Column("LastSeenAt", _Time, nullable=False),
    Column("OccurredAt", _Time),
    Column("ResolvedAt", _Time),
    Column("IncidentGuid", _id()),
    Column("OpenFingerprint", _id(32), Computed("CASE WHEN Status = 'FIRING' THEN Fingerprint END", persisted=True)),
    Index("uq_alert_open", "OpenFingerprint", unique=True),
    Index("idx_alert_incident", "IncidentGuid", "Status"),
    **_options,
)

Table(
    "data_incident",
    metadata,
    Column("IncidentGuid", _id(), primary_key=True),
    Column("Title", String(512), nullable=False),
    Column("Severity", _id(8), nullable=False),
    Column("Status", _id(16), nullable=False),
    Column("Package", String(100), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("AssignedTo", String(255)),
    Column("CreatedAt", _Time, nullable=False),
    Column("UpdatedAt", _Time, nullable=False),
    Column("AcknowledgedAt", _Time),
    Column("ClosedAt", _Time),
    Column("CloseReason", _id(16)),
    Column("MergedInto", _id()),
    Column("Version", Integer, nullable=False),
    Column("Sequence", Integer, nullable=False),
    Column("RuleName", String(255)),
    Column("CorrelationKey", _id(32)),
    Column("AutoCloseAt", _Time),
    Column("ClearStateAt", _Time),
    Column("OpenKey", _id(32), Computed("CASE WHEN Status <> 'CLOSED' THEN CorrelationKey END", persisted=True)),
    Index("uq_incident_open", "OpenKey", unique=True),
    Index("idx_incident_key", "CorrelationKey", "ClosedAt"),
    Index("idx_incident_status", "Status", "CreatedAt"),
    Index("idx_incident_auto_close", "AutoCloseAt"),
    Index("idx_incident_clear_state", "ClearStateAt"),
    **_options,
)

Table(
    "data_incident_alert",
    metadata,
    Column("IncidentGuid", _id(), ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), primary_key=True),
    Column("AlertGuid", _id(), primary_key=True),
    Column("LinkedAt", _Time, nullable=False),
    Index("idx_incident_alert_alert", "AlertGuid"),
    **_options,
)

Table(
    "data_incident_note",
    metadata,
    Column("NoteId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _id(), ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("NoteType", _id(16), nullable=False),
    Column("Content", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", _Time, nullable=False),
    Index("idx_note_incident", "IncidentGuid"),
    **_options,
)

Table(
    "data_incident_timeline",
    metadata,
    Column("TimelineId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _id(), ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("EventType", _id(32), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("Timestamp", _Time, nullable=False),
    Index("idx_timeline_incident", "IncidentGuid"),
    **_options,
)

Table(
    "data_incident_communication",
    metadata,
    Column("CommunicationGuid", _id(), primary_key=True),
    Column("IncidentGuid", _id(), ForeignKey("data_incident.IncidentGuid", ondelete="SET NULL")),
    Column("AlertGuid", _id()),
    Column("ShortRef", _id(20), nullable=False),
    Column("Channel", _id(50), nullable=False),
    Column("Direction", _Direction, nullable=False, server_default="OUTBOUND"),
    Column("Status", _id(50), nullable=False, server_default="SENT"),
    Column("Message", _Long, nullable=False),
    Column("Recipient", _Long, nullable=False),
    Column("ExternalId", String(255)),
    Column("ErrorMessage", _Long),
    Column("Timestamp", _Time, nullable=False),
    Column("Metadata", JSON),
    Column("IngestKey", _id(32)),
    Column("Raw", _Raw),
    Column("Sequence", Integer),
    Column("Attempts", Integer, nullable=False, server_default="0"),
    Column("NextAttemptAt", _Time),
    Column("LeaseOwner", String(64)),
    Column("LeaseUntil", _Time),
    Index("idx_short_ref", "ShortRef", unique=True),
    Index("uq_communication_ingest", "IngestKey", unique=True),
    # NextAttemptAt is NULL but for what is PENDING, so these two find the outbox without an entry for each row that is done
    Index("idx_communication_due", "NextAttemptAt"),
    Index("idx_incident_guid", "IncidentGuid", "NextAttemptAt"),
    Index("idx_timestamp", "Timestamp"),
    **_options,
)

Table(
    "data_incident_communication_attempt",
    metadata,
    Column("AttemptId", _Serial, primary_key=True, autoincrement=True),
    Column(
        "CommunicationGuid",
        _id(),
        ForeignKey("data_incident_communication.CommunicationGuid", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("Number", Integer, nullable=False),
    Column("StartedAt", _Time, nullable=False),
    Column("FinishedAt", _Time),
    Column("Status", _id(16), nullable=False),
    Column("ErrorMessage", _Long),
    Index("idx_attempt_communication", "CommunicationGuid"),
    **_options,
)

Table(
    "def_notify",
    metadata,
    Column("NotifyCode", _id(64), primary_key=True),
    Column("NotifyName", String(255), nullable=False),
    Column("NotifyChannels", String(255), nullable=False),
    **_options,
)

Table(
    "def_silence",
    metadata,
    Column("SilenceGuid", _id(), primary_key=True),
    Column("Matchers", JSON, nullable=False),
    Column("Comment", String(512), nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", _Time, nullable=False),
    Column("StartsAt", _Time, nullable=False),
    Column("EndsAt", _Time, nullable=False),
    Index("idx_silence_ends", "EndsAt"),
    **_options,
)

Table(
    "data_ingest_slot",
    metadata,
    Column("ClientId", String(255), primary_key=True),
    Column("Instance", String(64), nullable=False),
    Column("BootId", _id(36), nullable=False),
    Column("Fence", Integer, nullable=False),
    Column("SubscribedAt", _Time),
    Column("BrokerDropped", BigInteger),
    **_options,
)


def upgrade() -> None:
    """Create every table."""
    metadata.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    """Drop every table, and all that is in them."""
    metadata.drop_all(op.get_bind(), checkfirst=False)
