"""Built-in readings of signals that many machines have, by name: ``[[dbus.sources]] preset = "systemd"``.

One file for each. Pure; called by the configuration and, through what ``preset`` returns, by the D-Bus adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axion_bus.formats.dbus_signal import Preset

_PRESETS: Mapping[str, Callable[[Sequence[str]], Preset]] = {}
"""Each makes the preset from ``watch``: which units, devices or names; empty: all that make sense."""


def preset(name: str, watch: Sequence[str] = ()) -> Preset:
    """The preset of that ``name``.

    Raises:
        ConfigError: there is none, or it has no use for ``watch``; the message says what is allowed.

    """
    made = _PRESETS.get(name)
    if made is None:
        raise ConfigError(f'there is no preset "{name}"; there are: {", ".join(sorted(_PRESETS)) or "none"}')
    return made(watch)
