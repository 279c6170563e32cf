"""The composition root: the daemon from its settings. ``run`` is all that others need.

``run.py`` obeys signals, ``serve.py`` is the pipeline in one screen, ``build.py`` turns settings into what the parts take,
``health.py`` tells how it goes. Nothing here decides anything about alerts.
"""

from axion_bus.daemon.run import run

__all__ = ["run"]
