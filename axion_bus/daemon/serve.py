"""The pipeline in one screen: intake -> record -> relay, put together from the settings and run in one TaskGroup."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from axion_bus import __version__
from axion_bus.buses.homeassistant import HomeAssistant
from axion_bus.buses.mqtt import MqttBus
from axion_bus.channels import configured
from axion_bus.daemon.build import gone_channels, info, open_patiently, people_owner, relay_settings, requests, sources
from axion_bus.daemon.dbus import dbus_side
from axion_bus.daemon.health import Health
from axion_bus.domain.communication import Channel
from axion_bus.errors import AxionError
from axion_bus.manager.people import manners, new_outbox, patience
from axion_bus.pipeline.bell import Bell
from axion_bus.pipeline.clock import SystemClock
from axion_bus.pipeline.courier import Courier
from axion_bus.pipeline.delivery import Deliveries
from axion_bus.pipeline.gaps import Gaps
from axion_bus.pipeline.intake import Intake
from axion_bus.pipeline.mirror import Mirror
from axion_bus.pipeline.progress import Progress
from axion_bus.pipeline.record import Recorder
from axion_bus.pipeline.relay import Relay
from axion_bus.pipeline.silences import SilenceEnds
from axion_bus.pipeline.timers import Timers
from axion_bus.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

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
        instance, base_topic = settings.instance.name, settings.mqtt.base_topic
        opened = await open_patiently(stack, settings, boot_id=boot_id, stop=orders.stop, notifier=notifier, meter=figures)
        if opened is None:
            return
        store, lock, slot = opened
        clock, recorded = SystemClock(), Bell()
        watched = {name: Progress(name, time.monotonic) for name in ("record", "relay", "dbus relay", "courier", "timers", "gaps")}
        outbox = new_outbox(settings)
        gaps = Gaps(store=store, slot=slot, outbox=outbox, clock=clock, progress=watched["gaps"], meter=figures)
        intake = Intake(
            batch_size=settings.intake.batch_size,
            batch_wait_s=settings.intake.batch_wait_ms / 1000,
            high_water=settings.intake.high_water,
            progress=watched["record"],
        )
        bus = MqttBus(
            settings.mqtt,
            instance=instance,
            info=info(settings, boot_id, clock.now()),
            high_water=settings.intake.high_water,
            deliver=intake.deliver,
            losses=gaps,
            clock=clock,
            request_topics=settings.mqtt.request_topics,
            homeassistant=HomeAssistant.of(settings.mqtt, instance=instance, version=__version__),
        )
        dbus = dbus_side(settings, store, intake, gaps, clock, progress=watched["dbus relay"], wake=recorded.hear(), meter=figures)
        if dbus is None:
            del watched["dbus relay"]  # it would look stalled, and the watchdog would not be fed
        intake.feed_from([bus] if dbus is None else [bus, dbus.bus])
        heard = sources(settings)
        recorder = Recorder(
            store=store,
            intake=intake,
            sources=heard,
            rules=settings.rules(),
            outbox=outbox,
            clock=clock,
            progress=watched["record"],
            recorded=recorded,
            requests=requests(settings, outbox),
            silences=settings.standing_silences(),
            meter=figures,
        )
        mirror = Mirror(store=store, publisher=bus, base_topic=base_topic)
        relay = Relay(
            store=store,
            publisher=bus,
            mirror=mirror,
            clock=clock,
            settings=relay_settings(settings),
            progress=watched["relay"],
            wake=recorded.hear(),
            meter=figures,
        )
        channels = configured(settings.channels)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        deliveries = Deliveries(
            store=store,
            outbox=outbox,
            clock=clock,
            owner=people_owner(settings),
            patience=patience(settings),
            settle_for_s=math.inf,
            meter=figures,
        )
        courier = Courier(
            store=store,
            channels=channels,
            manners=manners(settings),
            deliveries=deliveries,
            clock=clock,
            progress=watched["courier"],
            gone=gone_channels(settings),
        )
        timers = Timers(
            store=store,
            outbox=outbox,
            clock=clock,
            progress=watched["timers"],
            recorded=recorded,
            remind_after=settings.notify.reminder_every,
            silence_ends=SilenceEnds(outbox=outbox, rules=settings.rules(), standing=settings.standing_silences()),
        )
        health = Health(notifier, bus, None if dbus is None else dbus.bus, intake, tuple(watched.values()), orders)
        orders.audit_by(gaps.told_refused)
        telemetry = Telemetry(
            settings.metrics,
            figures=figures,
            queue=intake,
            buses={Channel.MQTT: bus} | ({} if dbus is None else {Channel.DBUS: dbus.bus}),
            survey=store,
            clock=clock,
            sources=heard.names,
            channels=list(channels),
        )
        stop = orders.stop
        relays = {"relay": relay.run(stop)} | ({} if dbus is None else {"dbus relay": dbus.relay.run(stop)})
        await _run_all(
            bus,
            beside={} if dbus is None else {"dbus": dbus.bus.run()},
            workers={
                "record": recorder.run(stop),
                **relays,
                "courier": courier.run(stop),
                "timers": timers.run(stop),
                "gaps": gaps.run(stop),
                "lock": lock.watch(stop),
                "telemetry": telemetry.run(stop),
                "health": health.run(stop),
            },
            wakes=(intake.close, gaps.wake, recorded.set),
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
