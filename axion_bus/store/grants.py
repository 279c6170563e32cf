"""What the daemon's account at a database server needs on its database, and nothing else. For ``init`` and ``doctor``."""

from __future__ import annotations

WORKING_GRANTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""For the daemon's work."""

NEEDED_GRANTS = (*WORKING_GRANTS, "CREATE", "ALTER", "INDEX", "DROP", "REFERENCES")
"""For it and for ``axion-bus db upgrade``."""
