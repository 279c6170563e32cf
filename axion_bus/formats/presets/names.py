"""Names of the bus: a service that is watched loses its owner, and somebody owns its name again.

Source: D-Bus specification, Message Bus Messages: NameOwnerChanged(name, old owner, new owner), an owner being empty where there is
none, and ListNames, which tells after each connect who is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.errors import ConfigError
from axion_bus.formats.dbus_signal import Call, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.formats.dbus_signal import Document, NativeAlert

BUS = "org.freedesktop.DBus"
_PATH = "/org/freedesktop/DBus"
_NAME = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*(\.[A-Za-z_-][A-Za-z0-9_-]*)+")


@dataclass(frozen=True, slots=True)
class Names:
    """Looks at the names ``watch``."""

    watch: Sequence[str]
    host: str
    wanted: Sequence[Wanted]
    calls: Sequence[Call] = (Call(destination=BUS, path=_PATH, interface=BUS, member="ListNames", is_reading=True),)

    def read(self, document: Document) -> Sequence[NativeAlert]:
        """Names that nobody owns, and names that somebody does."""
        first = telling.argument(document, 0)
        if document.get("member") == "ListNames":
            return [self._told(name, fires=name not in first) for name in self.watch] if isinstance(first, list) else ()
        owner = telling.argument(document, 2)
        return [self._told(first, fires=not owner)] if first in self.watch and isinstance(owner, str) else ()

    def _told(self, name: str, *, fires: bool) -> NativeAlert:
        return telling.alert(
            self.host,
            f"names:{name}",
            f"{name} vanished from the bus",
            fires=fires,
            package="DBUS",
            severity="HIGH",
            description=f"Nobody owns {name}" if fires else f"{name} is owned",
            labels={"name": name},
        )


def make(watch: Sequence[str], host: str) -> Names:
    """The preset ``names``. Raises ConfigError: ``watch`` has none, or something that is no well-known name."""
    if not watch:
        raise ConfigError('preset "names" needs the names that it looks at: watch = ["org.example.Service"]')
    wrong = [name for name in watch if not _NAME.fullmatch(name) or len(name) > 255]
    if wrong:
        raise ConfigError(f'preset "names" looks at bus names such as "org.example.Service", and {wrong[0]!r} is none')
    wanted = [Wanted(interface=BUS, member="NameOwnerChanged", sender=BUS, path=_PATH, arg0=name) for name in watch]
    return Names(watch, host, wanted)
