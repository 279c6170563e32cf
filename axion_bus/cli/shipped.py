"""The files that come beside the program: the example of the configuration, systemd's, the broker's and the bus's parts."""

from __future__ import annotations

from pathlib import Path

from axion_bus.errors import AxionError

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "shipped", _PACKAGE.parent)
"""In an installed package (pyproject.toml puts them there), and in a checkout."""


def shipped(name: str) -> str:
    """The text of ``name``: "config/axion-bus.toml". Raises AxionError where it is missing."""
    for place in _PLACES:
        if (place / name).is_file():
            return (place / name).read_text("utf-8")
    raise AxionError(f"{name} is missing in {' and '.join(map(str, _PLACES))}; install axion-bus again")
