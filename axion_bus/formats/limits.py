"""How much an alert may be: what the tables' columns take (``store.schema``), and what keeps one message from filling the house.

Lengths are characters, as a VARCHAR of utf8mb4 counts them. What is longer is refused, never cut: a cut identity is another one.
"""

from __future__ import annotations

from axion_bus.domain.correlation import TITLE_CHARACTERS

TITLE = TITLE_CHARACTERS
SOURCE = 255
PACKAGE = 100
ID = 255
DEDUP_KEY = 255
ALERT_GUID = 255
"""Of printable ASCII without spaces: the column is ascii_bin, which takes nothing else and ignores spaces at the end."""
DESCRIPTION = 65_536

LABELS = 64
LABEL_NAME = 128
LABEL_VALUE = 1024

ALERTS = 1000
"""Alerts in one message: they all share one transaction."""
NESTING = 32
"""Arrays and objects inside each other."""
MEMBERS = 1000
"""Members of one JSON object, known or not."""
