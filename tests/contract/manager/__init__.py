"""The incident manager on each kind of store."""
