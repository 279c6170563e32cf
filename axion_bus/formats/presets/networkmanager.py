"""NetworkManager: the connectivity is lost, and comes back.

Source: NetworkManager's reference, org.freedesktop.NetworkManager, and NMConnectivityState: 0 unknown, 1 none, 2 portal, 3 limited,
4 full. Where its connectivity check is off, a default route counts as full. While it sleeps it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.errors import ConfigError
from axion_bus.formats.dbus_signal import Call, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.formats.dbus_signal import Document, NativeAlert

NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
_STATES: Mapping[int, tuple[bool, str, str]] = {
    1: (True, "HIGH", "none: it is connected to no network"),
    2: (True, "MEDIUM", "portal: somebody has to sign in first"),
    3: (True, "MEDIUM", "limited: it reaches a network, and not what lies behind"),
    4: (False, "HIGH", "full"),
}


@dataclass(frozen=True, slots=True)
class NetworkManager:
    """Looks at the machine's connectivity."""

    host: str
    wanted: Sequence[Wanted] = (
        Wanted(interface=telling.PROPERTIES, member="PropertiesChanged", sender=NAME, path=PATH, arg0=NAME),
    )
    calls: Sequence[Call] = (
        Call(
            destination=NAME,
            path=PATH,
            interface=telling.PROPERTIES,
            member="GetAll",
            signature="s",
            arguments=(NAME,),
            is_reading=True,
        ),
    )

    def read(self, document: Document) -> Sequence[NativeAlert]:
        """What the connectivity is, if it is told."""
        state = telling.number(telling.properties(document, NAME).get("Connectivity"))
        known = None if state is None else _STATES.get(state)
        if known is None:
            return ()
        fires, severity, word = known
        return [
            telling.alert(
                self.host,
                "networkmanager:connectivity",
                "Network connectivity lost",
                fires=fires,
                package="NETWORK",
                severity=severity,
                description=f"The connectivity of {self.host} is {word}",
            )
        ]


def make(watch: Sequence[str], host: str) -> NetworkManager:
    """The preset ``networkmanager``. Raises ConfigError: there is nothing to ``watch`` but the machine."""
    if watch:
        raise ConfigError('preset "networkmanager" looks at the whole machine: remove watch')
    return NetworkManager(host)
