"""UDisks2: a drive says that it is failing, and is healthy again, or gone.

Source: UDisks2's reference, org.freedesktop.UDisks2.Drive.Ata (``SmartFailing``) and org.freedesktop.UDisks2.NVMe.Controller
(``SmartCriticalWarning``); D-Bus specification, org.freedesktop.DBus.ObjectManager, for what is there, comes and goes. udisksd
reads SMART every ten minutes; a drive that it has not asked yet says that it is not failing (``SmartUpdated`` is 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from axion_bus.formats.dbus_signal import Call, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from axion_bus.formats.dbus_signal import Document, NativeAlert

NAME = "org.freedesktop.UDisks2"
ATA = f"{NAME}.Drive.Ata"
NVME = f"{NAME}.NVMe.Controller"
_KEY = "udisks2:"
_ROOT = "/org/freedesktop/UDisks2"
_DRIVES = f"{_ROOT}/drives"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"


@dataclass(frozen=True, slots=True)
class UDisks2:
    """``watch`` are drives, as in ``*_S3Z8NB0K``: the last part of their paths, vendor, model and serial; empty: every drive."""

    watch: Sequence[str]
    host: str
    wanted: Sequence[Wanted] = (
        *(
            Wanted(interface=telling.PROPERTIES, member="PropertiesChanged", sender=NAME, path_namespace=_DRIVES, arg0=interface)
            for interface in (ATA, NVME)
        ),
        Wanted(interface=_OBJECTS, sender=NAME, path=_ROOT),
    )
    calls: Sequence[Call] = (Call(destination=NAME, path=_ROOT, interface=_OBJECTS, member="GetManagedObjects", is_reading=True),)

    def read(self, document: Document) -> Sequence[NativeAlert]:
        """What drives say of themselves; one that is gone is not failing."""
        first, second = telling.argument(document, 0), telling.argument(document, 1)
        match document.get("member"):
            case "GetManagedObjects":
                return [told for path, there in telling.table(first).items() for told in self._interfaces(path, there)]
            case "InterfacesAdded":
                return list(self._interfaces(first, second))
            case "InterfacesRemoved" if isinstance(second, list) and (ATA in second or NVME in second):
                return list(self._told(first, fires=False, why="is gone"))
            case "PropertiesChanged":
                return list(self._interfaces(document.get("path"), {str(first): second}))
            case _:
                return ()

    @property
    def prefix(self) -> str:
        """What the dedup keys of its alerts begin with."""
        return f"{self.host}:{_KEY}"

    def absent(self, document: Document, keys: Collection[str]) -> Sequence[NativeAlert]:
        """Drives that were taken away."""
        objects = telling.argument(document, 0)
        there = {telling.last_element(path) for path in objects} if isinstance(objects, Mapping) else None
        gone = [key.removeprefix(self.prefix) for key in keys if there is not None and key.removeprefix(self.prefix) not in there]
        return [told for drive in gone for told in self._told(drive, fires=False, why="is gone")]

    def _interfaces(self, path: object, there: object) -> Iterator[NativeAlert]:
        for interface, found in telling.table(there).items():
            verdict = _verdict(interface, telling.table(found))
            if verdict is not None:
                yield from self._told(path, fires=bool(verdict), why=verdict or "does not say that it is failing")

    def _told(self, path: object, *, fires: bool, why: str) -> Iterator[NativeAlert]:
        drive = telling.last_element(path)
        if drive and (not self.watch or any(fnmatchcase(drive, pattern) for pattern in self.watch)):
            yield telling.alert(
                self.host,
                f"{_KEY}{drive}",
                f"Drive {drive} is failing",
                fires=fires,
                package="STORAGE",
                severity="CRITICAL",
                description=f"Drive {drive} of {self.host} {why}",
                labels={"drive": drive},
            )


def _verdict(interface: str, found: Mapping[str, Any]) -> str | None:
    """Why the drive is failing; an empty text: it is not; None: these properties do not tell."""
    failing, warnings = found.get("SmartFailing"), found.get("SmartCriticalWarning")
    if interface == ATA and isinstance(failing, bool):
        sectors = telling.number(found.get("SmartNumBadSectors")) or 0
        bad = f"; it has {sectors} bad sectors" if sectors > 0 else ""
        return f"says by SMART that it is failing{bad}" if failing else ""
    if interface == NVME and isinstance(warnings, list):
        return f"says by SMART: {', '.join(map(str, warnings))}" if warnings else ""
    return None


def make(watch: Sequence[str], host: str) -> UDisks2:
    """The preset ``udisks2``."""
    return UDisks2(watch, host)
