"""The daemon as a process beside a real broker and a real database, in fair weather."""
