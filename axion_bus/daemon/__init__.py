"""The composition root: the daemon from its settings. ``run`` is all that others need.

``run.py`` is its life, ``orders.py`` what signals and ``control.py``'s socket ask of it, ``serve.py`` the pipeline in one screen,
``build.py`` turns settings into what the parts take, ``health.py`` tells how it goes. Nothing here decides anything about alerts.
"""

from axion_bus.daemon.run import run

__all__ = ["run"]
