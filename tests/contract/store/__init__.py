"""What ``ports.Store`` and ``ports.Transaction`` promise, on SQLite and on MariaDB alike."""
