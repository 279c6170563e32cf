"""The user's guide, run: its code as it stands there, but for the import line."""
