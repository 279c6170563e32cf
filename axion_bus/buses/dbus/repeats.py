"""What a preset tells again although nothing has changed: that a unit which was well is well. Used by ``signals`` only.

Services tell of properties, not of events; and after each connect all is read anew. Without this, each would be a row.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axion_bus.formats.dbus_signal import NativeAlert

_KNOWN = 4096


class Repeats:
    """What was told last of each thing, of the last some thousands."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, str] = OrderedDict()

    def is_old(self, alert: NativeAlert, *, is_reading: bool) -> bool:
        """Whether ``alert`` brings nothing new. That it fires again is news, unless it was only looked up as before."""
        key = str(alert.get("dedup_key") or (alert.get("title"), alert.get("labels")))
        status = str(alert.get("status", "firing"))
        says = status if status == "resolved" else f"{status} {alert.get('severity')}"
        before, self._last[key] = self._last.get(key), says
        self._last.move_to_end(key)
        if len(self._last) > _KNOWN:
            self._last.popitem(last=False)
        return says == before and (is_reading or status == "resolved")
