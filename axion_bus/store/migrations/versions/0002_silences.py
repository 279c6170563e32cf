"""Silences: which one an open alert is silenced by, what it needs to be looked at again afterwards, and who ended one early.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Index, MetaData, String, Table, inspect
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

_COLUMNS = (("data_alert", "DedupKey", 255), ("data_alert", "SilencedBy", 255), ("def_silence", "ExpiredBy", 255))
_INDEX = "idx_alert_silenced"


def upgrade() -> None:
    """Add what is not there yet: on MySQL and MariaDB a column stays when the upgrade is cut off behind it."""
    connection = op.get_bind()
    exact = "utf8mb4_nopad_bin" if getattr(connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    for table, name, length in _COLUMNS:
        if name not in {column["name"] for column in inspect(connection).get_columns(table)}:
            kind = String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation=exact), "mysql")
            op.add_column(table, Column(name, kind))
    alert = Table("data_alert", MetaData(), Column("SilencedBy", String(255)))
    Index(_INDEX, alert.c.SilencedBy).create(connection, checkfirst=True)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(_INDEX, "data_alert")
    for table, name, _ in _COLUMNS:
        op.drop_column(table, name)
