"""How the daemon is: one line for people, READY and STATUS for the service manager, its watchdog fed only while the work moves."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from axion_bus.buses.dbus.bus import DbusBus
    from axion_bus.buses.mqtt import MqttBus
    from axion_bus.daemon.orders import Orders
    from axion_bus.pipeline.intake import Intake
    from axion_bus.pipeline.progress import Progress
    from axion_bus.systemd import Notifier

log = structlog.get_logger()

_STATUS_EVERY_S = 1.0


@dataclass(slots=True)
class Health:
    """Tells the service manager how we are, and feeds its watchdog while every worker moves or waits for the outside world."""

    notifier: Notifier
    bus: MqttBus
    dbus: DbusBus | None
    intake: Intake
    watched: tuple[Progress, ...]
    orders: Orders

    async def run(self, stop: asyncio.Event) -> None:
        """Look once a second until ``stop``."""
        every_s = self.notifier.watchdog_interval_s
        fed_at = 0.0
        said = self.status()
        self.orders.serves(said)
        log.info("ready", status=said)
        while not await is_set_within(stop, _STATUS_EVERY_S):
            now_s = time.monotonic()
            if every_s is not None and now_s - fed_at >= every_s and not self._stalled(now_s, 2 * every_s):
                fed_at = now_s
                self.notifier.watchdog()
            if said != (said := self.status()):
                self.orders.status = said
                self.notifier.status(self.orders.with_fault(said))

    def _stalled(self, now_s: float, limit_s: float) -> bool:
        stalled = [each.name for each in self.watched if each.is_stalled(now_s, limit_s)]
        if stalled:
            log.error("stalled", workers=stalled)
        return bool(stalled)

    def status(self) -> str:
        """One line for people: the buses, the database, what waits."""
        dbus = "" if self.dbus is None else f"dbus {_state_of(self.dbus)}; "
        store = "away" if any(each.waiting == "store" for each in self.watched) else "ok"
        return f"mqtt {_state_of(self.bus)}; {dbus}store {store}; {self.intake.held} messages held"


def _state_of(bus: MqttBus | DbusBus) -> str:
    return "connected" if bus.is_connected and not bus.trouble else bus.trouble or "not connected"


async def is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for ``event``, ``timeout_s`` at most; whether it is set."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
