"""The guide's verbs: arguments checked at the edge, one transaction each, and the answer as the guide shows it.

``arguments.py`` checks, ``verbs.py`` acts inside a transaction, ``manager.py`` is the class that programs use; the bus commands
(``requests.py``) call the same verbs. What an act means for an incident is decided in ``domain.desk``.
"""

from axion_bus.manager.manager import AsyncIncidentManager

__all__ = ["AsyncIncidentManager"]
