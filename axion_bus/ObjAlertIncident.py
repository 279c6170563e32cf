"""The guide's module name: its scripts run with ``from axion_bus import ObjAlertIncident`` for their import line."""

from __future__ import annotations

from axion_bus.sync import IncidentManager


class ObjAlertIncident(IncidentManager):
    """IncidentManager, under the guide's name."""
