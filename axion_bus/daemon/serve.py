"""The pipeline in one screen: intake -> record -> relay, made from the settings by ``parts`` and run in one TaskGroup."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from axion_bus.daemon.build import open_patiently
from axion_bus.daemon.parts import Parts
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from axion_bus.buses.mqtt import MqttBus
    from axion_bus.config import Settings
    from axion_bus.daemon.orders import Orders
    from axion_bus.systemd import Notifier
    from axion_bus.telemetry import Figures

log = structlog.get_logger()

STOP_WITHIN_S = 4.0
"""How long the workers may take to finish what they hold; what is then unfinished is taken up at the next start.

Of the 10 s of G14 the rest is for leaving: 2 s the broker, 1 s the database's lock, when they stand still.
"""


async def serve(settings: Settings, *, boot_id: str, orders: Orders, notifier: Notifier, figures: Figures) -> None:
    """Intake -> record -> relay, and what is beside them, until ``orders.stop``."""
    async with AsyncExitStack() as stack:
        stop = orders.stop
        opened = await open_patiently(stack, settings, boot_id=boot_id, stop=stop, notifier=notifier, meter=figures)
        if opened is None:
            return
        store, lock, slot = opened
        parts = Parts(settings=settings, boot_id=boot_id, store=store, slot=slot, orders=orders, notifier=notifier, figures=figures)
        mqtt, dbus = parts.mqtt, parts.dbus
        parts.intake.feed_from([mqtt, dbus.bus] if dbus else [mqtt])
        orders.audit_by(parts.gaps.told_refused)
        for channel in parts.channels.values():
            stack.push_async_callback(channel.close)
        await _run_all(
            mqtt,
            beside={"dbus": dbus.bus.run()} if dbus else {},
            workers={
                "record": parts.recorder.run(stop),
                "relay": parts.relay.run(stop),
                **({"dbus relay": dbus.relay.run(stop)} if dbus else {}),
                "courier": parts.courier.run(stop),
                "abandoned": parts.abandoned.run(stop),
                "timers": parts.timers.run(stop),
                "gaps": parts.gaps.run(stop),
                "lock": lock.watch(stop),
                "telemetry": parts.telemetry.run(stop),
                "health": parts.health.run(stop),
            },
            wakes=(parts.intake.close, parts.gaps.wake, parts.recorded.set),
            orders=orders,
        )


async def _run_all(
    bus: MqttBus,
    *,
    beside: Mapping[str, Coroutine[Any, Any, None]],
    workers: Mapping[str, Coroutine[Any, Any, None]],
    wakes: Sequence[Callable[[], None]],
    orders: Orders,
) -> None:
    """Run until the stop: then the workers finish what they hold, and the buses leave last, when all is acknowledged."""
    try:
        async with asyncio.TaskGroup() as group:
            connected = [group.create_task(each, name=name) for name, each in {"mqtt": bus.run(), **beside}.items()]
            working = [group.create_task(work, name=name) for name, work in workers.items()]
            await orders.stop.wait()
            log.info("stopping" if orders.settings is None else "reloading")
            for wake in wakes:
                wake()
            _, late = await asyncio.wait(working, timeout=STOP_WITHIN_S)
            for task in late:
                log.warning("worker_late", worker=task.get_name())
                task.cancel()
            bus.says_farewell = orders.settings is None
            for task in connected:
                task.cancel()
    except BaseExceptionGroup as group_of_errors:
        ours = group_of_errors.subgroup(AxionError)
        if ours is None:
            raise
        raise _first_leaf(ours) from None


def _first_leaf(group: BaseExceptionGroup[AxionError]) -> AxionError:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
