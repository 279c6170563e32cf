"""Since when the broker is being asked for a session: what a daemon that was killed meanwhile leaves to the next one.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, inspect
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

_TABLE, _COLUMN = "data_ingest_slot", "ConnectingSince"


def upgrade() -> None:
    """Add it, if it is not there yet: on MySQL and MariaDB a column stays when the upgrade is cut off behind it."""
    if _COLUMN not in {column["name"] for column in inspect(op.get_bind()).get_columns(_TABLE)}:
        op.add_column(_TABLE, Column(_COLUMN, DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column(_TABLE, _COLUMN)
