"""The only room that knows SQL: the schema, its migrations, and the statements of each table. Implements ``ports.Store``."""
