"""The first schema.

Revision ID: 0001
Revises: none

A migration is history: this is a copy of the tables as they were, and stays as it is when ``store.schema`` moves on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    inspect,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import JSON

from axion_bus.errors import SchemaError

if TYPE_CHECKING:
    from sqlalchemy import Connection

revision = "0001"
down_revision = None

_Time = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
_Id = String(255)
_Long = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_Serial = BigInteger().with_variant(Integer(), "sqlite")
_Raw = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
_Direction = String(8).with_variant(mysql.ENUM("OUTBOUND", "INBOUND"), "mysql")
metadata = MetaData()

Table(
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
    Column("FirstSeenAt", _Time, nullable=False),
    Column("LastSeenAt", _Time, nullable=False),
    Column("OccurredAt", _Time),
    Column("ResolvedAt", _Time),
    Column("IncidentGuid", _Id),
    Column("OpenFingerprint", String(32), Computed("CASE WHEN Status = 'FIRING' THEN Fingerprint END", persisted=True)),
    Index("uq_alert_open", "OpenFingerprint", unique=True),
    Index("idx_alert_incident", "IncidentGuid", "Status"),
)

Table(
    "data_incident",
    metadata,
    Column("IncidentGuid", _Id, primary_key=True),
    Column("Title", String(512), nullable=False),
    Column("Severity", String(8), nullable=False),
    Column("Status", String(16), nullable=False),
    Column("Package", String(100), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("AssignedTo", String(255)),
    Column("CreatedAt", _Time, nullable=False),
    Column("UpdatedAt", _Time, nullable=False),
    Column("AcknowledgedAt", _Time),
    Column("ClosedAt", _Time),
    Column("CloseReason", String(16)),
    Column("MergedInto", _Id),
    Column("Version", Integer, nullable=False),
    Column("Sequence", Integer, nullable=False),
    Column("RuleName", String(255)),
    Column("CorrelationKey", String(32)),
    Column("AutoCloseAt", _Time),
    Column("ClearStateAt", _Time),
    Column("OpenKey", String(32), Computed("CASE WHEN Status <> 'CLOSED' THEN CorrelationKey END", persisted=True)),
    Index("uq_incident_open", "OpenKey", unique=True),
    Index("idx_incident_key", "CorrelationKey", "ClosedAt"),
    Index("idx_incident_merged", "CorrelationKey", "MergedInto"),
    Index("idx_incident_merged_into", "MergedInto"),
    Index("idx_incident_status", "Status", "CreatedAt"),
    Index("idx_incident_auto_close", "AutoCloseAt"),
    Index("idx_incident_clear_state", "ClearStateAt"),
)

Table(
    "data_incident_alert",
    metadata,
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), primary_key=True),
    Column("AlertGuid", _Id, primary_key=True),
    Column("LinkedAt", _Time, nullable=False),
    Index("idx_incident_alert_alert", "AlertGuid"),
)

Table(
    "data_incident_note",
    metadata,
    Column("NoteId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("NoteType", String(16), nullable=False),
    Column("Content", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", _Time, nullable=False),
    Index("idx_note_incident", "IncidentGuid"),
)

Table(
    "data_incident_timeline",
    metadata,
    Column("TimelineId", _Serial, primary_key=True, autoincrement=True),
    Column("IncidentGuid", _Id, ForeignKey("data_incident.IncidentGuid", ondelete="CASCADE"), nullable=False),
    Column("EventType", String(32), nullable=False),
    Column("Description", _Long, nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("Timestamp", _Time, nullable=False),
    Index("idx_timeline_incident", "IncidentGuid"),
)

Table(
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
    Column("Timestamp", _Time, nullable=False),
    Column("Metadata", JSON),
    Column("IngestKey", String(32)),
    Column("Raw", _Raw),
    Column("Sequence", Integer),
    Column("Attempts", Integer, nullable=False, server_default="0"),
    Column("NextAttemptAt", _Time),
    Column("LeaseOwner", String(64)),
    Column("LeaseUntil", _Time),
    Index("idx_short_ref", "ShortRef", unique=True),
    Index("uq_communication_ingest", "IngestKey", unique=True),
    # NextAttemptAt is NULL but for what is PENDING, so what is due, in order, and what is unsettled of an incident are one range
    Index("idx_communication_due", "NextAttemptAt", "CommunicationGuid"),
    Index("idx_incident_guid", "IncidentGuid", "NextAttemptAt"),
    Index("idx_timestamp", "Timestamp"),
)

Table(
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
    Column("StartedAt", _Time, nullable=False),
    Column("FinishedAt", _Time),
    Column("Status", String(16), nullable=False),
    Column("ErrorMessage", _Long),
    Index("idx_attempt_communication", "CommunicationGuid"),
)

Table(
    "def_notify",
    metadata,
    Column("NotifyCode", String(64), primary_key=True),
    Column("NotifyName", String(255), nullable=False),
    Column("NotifyChannels", String(255), nullable=False),
    Column("Title", _Long),
    Column("Template", _Long),
    Column("Recipients", JSON),
)

Table(
    "def_silence",
    metadata,
    Column("SilenceGuid", _Id, primary_key=True),
    Column("Matchers", JSON, nullable=False),
    Column("Comment", String(512), nullable=False),
    Column("CreatedBy", String(255), nullable=False),
    Column("CreatedAt", _Time, nullable=False),
    Column("StartsAt", _Time, nullable=False),
    Column("EndsAt", _Time, nullable=False),
    Index("idx_silence_ends", "EndsAt"),
)

Table(
    "data_ingest_slot",
    metadata,
    Column("ClientId", String(255), primary_key=True),
    Column("Instance", String(64), nullable=False),
    Column("BootId", String(36), nullable=False),
    Column("Fence", Integer, nullable=False),
    Column("SubscribedAt", _Time),
    Column("BrokerDropped", BigInteger),
)


def upgrade() -> None:
    """Create what is not there yet: on MySQL and MariaDB a table or index stays when the upgrade is cut off behind it."""
    connection = op.get_bind()
    # exact means trailing spaces too, which the servers' utf8mb4_bin ignores; they have no name in common for one that does not
    exact = "utf8mb4_nopad_bin" if getattr(connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    for table in metadata.sorted_tables:
        table.dialect_options["mysql"].update(engine="InnoDB", charset="utf8mb4", collate=exact)
        _refuse_another(connection, table)
        table.create(connection, checkfirst=True)
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _refuse_another(connection: Connection, table: Table) -> None:
    """A database that was never ours may have a table of this name, the guide's own perhaps."""
    there = inspect(connection)
    if there.has_table(table.name) and {column["name"] for column in there.get_columns(table.name)} != set(table.columns.keys()):
        raise SchemaError(
            f"the database has a table {table.name} that axion-bus did not make; give it a database of its own in [store] url"
        )


def downgrade() -> None:
    """Drop every table, and all that is in them."""
    metadata.drop_all(op.get_bind(), checkfirst=False)
