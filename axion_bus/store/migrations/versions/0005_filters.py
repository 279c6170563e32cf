"""The topic filters that the session at the broker has: what of them left the configuration meanwhile is unsubscribed from.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import JSON, Column, inspect

revision = "0005"
down_revision = "0004"

_TABLE, _COLUMN = "data_ingest_slot", "Filters"


def upgrade() -> None:
    """Add it, if it is not there yet: on MySQL and MariaDB a column stays when the upgrade is cut off behind it."""
    if _COLUMN not in {column["name"] for column in inspect(op.get_bind()).get_columns(_TABLE)}:
        op.add_column(_TABLE, Column(_COLUMN, JSON()))


def downgrade() -> None:
    """Take it away again."""
    op.drop_column(_TABLE, _COLUMN)
