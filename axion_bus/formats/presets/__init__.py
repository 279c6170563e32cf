"""Built-in readings of signals that many machines have, by name: ``[[dbus.sources]] preset = "systemd"``.

One file for each. Pure; called by the configuration and, through what ``preset`` returns, by the D-Bus adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.errors import ConfigError
from axion_bus.formats.presets import logind, names, networkmanager, systemd, udisks2, upower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axion_bus.formats.dbus_signal import Preset

_PRESETS: Mapping[str, Callable[[Sequence[str], str], Preset]] = {
    "logind": logind.make,
    "names": names.make,
    "networkmanager": networkmanager.make,
    "systemd": systemd.make,
    "udisks2": udisks2.make,
    "upower": upower.make,
}
"""Each makes the preset from ``watch``, which units, devices or names (empty: all that make sense), and the machine's name."""


def preset(name: str, watch: Sequence[str] = (), *, host: str = "localhost") -> Preset:
    """The preset of that ``name`` for the machine ``host``, which is the source of its alerts.

    Raises:
        ConfigError: there is none, or it has no use for ``watch``; the message says what is allowed.

    """
    made = _PRESETS.get(name)
    if made is None:
        raise ConfigError(f'there is no preset "{name}"; there are: {", ".join(sorted(_PRESETS)) or "none"}')
    return made(watch, host)
