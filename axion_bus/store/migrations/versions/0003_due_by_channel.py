"""What is due, by channel: rows that wait for a bus that is away are not looked through for what another bus may send.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, Index, MetaData, String, Table

revision = "0003"
down_revision = "0002"

_communication = Table(
    "data_incident_communication",
    MetaData(),
    Column("CommunicationGuid", String(36)),
    Column("Channel", String(50)),
    Column("NextAttemptAt", DateTime()),
)
_c = _communication.c
_by_channel = Index("idx_communication_channel_due", _c.Channel, _c.NextAttemptAt, _c.CommunicationGuid)
_by_time = Index("idx_communication_due", _c.NextAttemptAt, _c.CommunicationGuid)


def upgrade() -> None:
    """The new index, then the end of the old one."""
    _by_channel.create(op.get_bind(), checkfirst=True)
    _by_time.drop(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """The same backwards."""
    _by_time.create(op.get_bind(), checkfirst=True)
    _by_channel.drop(op.get_bind(), checkfirst=True)
