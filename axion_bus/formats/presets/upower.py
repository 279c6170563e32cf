"""UPower: the battery is critical, and is not any more. Source: UPower's reference, org.freedesktop.UPower.Device.

``DisplayDevice`` stands for all that the machine runs on, so two batteries are one alert, and a mouse is none. Its ``WarningLevel``
is 1 none, 2 discharging (a UPS only), 3 low, 4 critical, 5 action: the machine is about to be switched off; 0 is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.formats.dbus_signal import Call, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.formats.dbus_signal import Document, NativeAlert

NAME = "org.freedesktop.UPower"
DEVICE = f"{NAME}.Device"
_DEVICES = "/org/freedesktop/UPower/devices"
_LEVELS: Mapping[int, tuple[bool, str, str]] = {
    1: (False, "HIGH", "none"),
    2: (False, "HIGH", "discharging"),
    3: (False, "HIGH", "low"),
    4: (True, "HIGH", "critical"),
    5: (True, "CRITICAL", "action: it is about to be switched off"),
}


@dataclass(frozen=True, slots=True)
class UPower:
    """Looks at the devices ``paths``."""

    host: str
    wanted: Sequence[Wanted]
    calls: Sequence[Call]

    def read(self, document: Document) -> Sequence[NativeAlert]:
        """What a device's warning level says, if it is told."""
        found = telling.properties(document, DEVICE)
        level = telling.number(found.get("WarningLevel"))
        known = None if level is None else _LEVELS.get(level)
        if known is None:
            return ()
        fires, severity, word = known
        device, percentage = telling.last_element(document.get("path")), found.get("Percentage")
        left = f", {percentage:.0f} % are left" if isinstance(percentage, float) else ""
        return [
            telling.alert(
                self.host,
                f"upower:{device}",
                "Battery critical" if device == "DisplayDevice" else f"Battery critical: {device}",
                fires=fires,
                package="POWER",
                severity=severity,
                description=f"The warning level of {device} on {self.host} is {word}{left}",
                labels={"device": device},
            )
        ]


def make(watch: Sequence[str], host: str) -> UPower:
    """The preset ``upower``; ``watch`` are devices, as the last part of their paths (``battery_BAT0``), without it the machine."""
    paths = [f"{_DEVICES}/{device}" for device in watch or ("DisplayDevice",)]
    return UPower(
        host=host,
        wanted=[
            Wanted(interface=telling.PROPERTIES, member="PropertiesChanged", sender=NAME, path=path, arg0=DEVICE) for path in paths
        ],
        calls=[
            Call(
                destination=NAME,
                path=path,
                interface=telling.PROPERTIES,
                member="GetAll",
                signature="s",
                arguments=(DEVICE,),
                is_reading=True,
            )
            for path in paths
        ],
    )
