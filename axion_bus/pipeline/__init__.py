"""The three moves: intake (what came) -> record (one transaction) -> relay (what goes out), and the timers beside them.

Knows the ports, never an adapter. ``daemon`` puts the parts together.
"""
