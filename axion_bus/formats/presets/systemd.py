"""systemd: a unit enters ``failed``, and leaves it. Source: org.freedesktop.systemd1(5), "The manager object" and "Unit objects".

The manager emits a unit's PropertiesChanged only while somebody is subscribed. ListUnits after each connect tells what happened
meanwhile. A unit that is about to be restarted by itself is ``activating`` and has not failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from axion_bus.formats.dbus_signal import Call, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from axion_bus.formats.dbus_signal import Document, NativeAlert

NAME = "org.freedesktop.systemd1"
MANAGER_PATH = "/org/freedesktop/systemd1"
UNIT = f"{NAME}.Unit"
_MANAGER = f"{NAME}.Manager"
_UNITS = f"{MANAGER_PATH}/unit"
_FIRES = {"failed": True, "active": False, "inactive": False}
"""What an ActiveState says; the others are on their way to one of these."""
_KEY = "systemd:"
_NEVER_FAIL = (".device", ".slice", ".target")
_ESCAPED = re.compile(r"_([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Systemd:
    """``watch`` are units, as in ``nginx.service`` or ``backup-*``; empty: every unit that can fail."""

    watch: Sequence[str]
    host: str
    wanted: Sequence[Wanted] = (
        Wanted(interface=telling.PROPERTIES, member="PropertiesChanged", sender=NAME, path_namespace=_UNITS, arg0=UNIT),
    )
    calls: Sequence[Call] = (
        Call(destination=NAME, path=MANAGER_PATH, interface=_MANAGER, member="Subscribe"),
        Call(destination=NAME, path=MANAGER_PATH, interface=_MANAGER, member="ListUnits", is_reading=True),
    )

    def read(self, document: Document) -> Sequence[NativeAlert]:
        """Units that failed, and units that have not, or not any more."""
        if document.get("member") == "ListUnits":
            return list(self._listed(telling.argument(document, 0)))
        changed = telling.properties(document, UNIT)
        name, state = unit_name(telling.last_element(document.get("path"))), changed.get("ActiveState")
        at = telling.number(changed.get("StateChangeTimestamp"))
        return list(self._told(name, state, sub_state=changed.get("SubState"), changed_at=at))

    @property
    def prefix(self) -> str:
        """What the dedup keys of its alerts begin with."""
        return f"{self.host}:{_KEY}"

    def absent(self, document: Document, keys: Collection[str]) -> Sequence[NativeAlert]:
        """Units that failed once and are not even loaded now: the manager forgets what has not failed and nobody needs."""
        units = telling.argument(document, 0)
        listed = {unit[0] for unit in units if isinstance(unit, list) and unit} if isinstance(units, list) else None
        names = [key.removeprefix(self.prefix) for key in keys]
        gone = [name for name in names if listed is not None and name not in listed]
        return [told for name in gone for told in self._told(name, "inactive", sub_state="dead")]

    def _listed(self, units: object) -> Iterator[NativeAlert]:
        """The answer to ListUnits, ``a(ssssssouso)``: name, description, load, active and sub state, and more."""
        for unit in units if isinstance(units, list) else ():
            if isinstance(unit, list) and len(unit) > 4:
                name, description, _, state, sub_state = unit[:5]
                yield from self._told(name, state, sub_state=sub_state, description=description)

    def _told(
        self, name: object, state: object, *, sub_state: object, description: object = "", changed_at: int | None = None
    ) -> Iterator[NativeAlert]:
        fires = _FIRES.get(state) if isinstance(state, str) else None
        if fires is None or not isinstance(name, str) or not self._is_watched(name):
            return
        about = f" ({description})" if description and isinstance(description, str) else ""
        yield telling.alert(
            self.host,
            f"{_KEY}{name}",
            f"{name} failed",
            fires=fires,
            package="SYSTEMD",
            severity="HIGH",
            description=f"Unit {name}{about} is {state}; see: systemctl status '{name}'",
            labels={"unit": name, "sub_state": sub_state if isinstance(sub_state, str) else ""},
            event_id=None if changed_at is None else f"{name}@{changed_at}",  # any other property may change, too
            occurred_at=telling.moment(changed_at),
        )

    def _is_watched(self, name: str) -> bool:
        if not self.watch:
            return bool(name) and not name.endswith(_NEVER_FAIL)
        return any(fnmatchcase(name, pattern) for pattern in self.watch)


def make(watch: Sequence[str], host: str) -> Systemd:
    """The preset ``systemd``."""
    return Systemd(watch, host)


def unit_name(label: str) -> str:
    """The unit of an object path's last element (sd_bus_path_encode(3)): what is no letter or digit is ``_`` and two hex digits."""
    raw = b"" if label == "_" else _ESCAPED.sub(lambda found: chr(int(found[1], 16)), label).encode("latin-1", "replace")
    return raw.decode("utf-8", "replace")
