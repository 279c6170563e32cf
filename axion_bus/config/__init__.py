"""The configuration: frozen settings from TOML, the environment and secrets; every fault reported at once.

Nothing here acts on a setting. ``load`` is what most callers want; ``parse`` builds settings from a dict, for demos and tests.
"""

from axion_bus.config.loading import Origin, load, load_with_origin, parse
from axion_bus.config.secret import Secret
from axion_bus.config.settings import Settings

__all__ = ["Origin", "Secret", "Settings", "load", "load_with_origin", "parse"]
