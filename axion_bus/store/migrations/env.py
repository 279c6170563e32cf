"""Alembic's entry: runs migrations on the connection that ``store.migrate`` hands over."""

from alembic import context

from axion_bus.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
