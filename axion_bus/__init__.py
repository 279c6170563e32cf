"""axion-bus: alerts on MQTT become incidents, and every change goes back onto the bus.

The public names live here; nothing inside the package imports from here. They are imported when they are first asked for, because
the shell begins here too, and most of its commands need no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axion_bus.manager import AsyncIncidentManager
    from axion_bus.sync import IncidentManager

__version__ = "0.1.0"

__all__ = ["AsyncIncidentManager", "IncidentManager", "__version__"]

_HOMES = {"AsyncIncidentManager": "axion_bus.manager", "IncidentManager": "axion_bus.sync"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
