"""The parts of the daemon, each made from the settings, and from the parts before it, when it is first asked for.

What runs of them, and for how long, is ``serve``'s. Nothing is started here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from axion_bus import __version__
from axion_bus.buses.homeassistant import HomeAssistant
from axion_bus.buses.mqtt import MqttBus
from axion_bus.channels import configured
from axion_bus.daemon.build import gone_channels, info, people_owner, relay_settings, requests, sources
from axion_bus.daemon.dbus import dbus_side
from axion_bus.daemon.health import Health
from axion_bus.domain.communication import Channel
from axion_bus.manager.people import manners, new_outbox, patience
from axion_bus.pipeline.abandoned import Abandoned
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
    from collections.abc import Mapping

    from axion_bus.config import Settings
    from axion_bus.daemon.dbus import DbusSide
    from axion_bus.daemon.orders import Orders
    from axion_bus.pipeline.decode import Sources
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Channel as ChannelPort
    from axion_bus.ports import Slot
    from axion_bus.store.sql import SqlStore
    from axion_bus.systemd import Notifier
    from axion_bus.telemetry import Figures


@dataclass(kw_only=True)
class Parts:
    """One set of parts, on an opened store, for as long as ``settings`` are in force."""

    settings: Settings
    boot_id: str
    store: SqlStore
    slot: Slot
    orders: Orders
    notifier: Notifier
    figures: Figures

    def __post_init__(self) -> None:
        """What has no settings: the clock, the bell that ``record`` rings, and who is watched."""
        self.clock = SystemClock()
        self.recorded = Bell()
        names = ["record", "relay", "courier", "abandoned", "timers", "gaps"] + ["dbus relay"] * self.settings.dbus.is_on
        self.watched = {name: Progress(name, time.monotonic) for name in names}

    @cached_property
    def outbox(self) -> Outbox:
        """What turns events into rows."""
        return new_outbox(self.settings)

    @cached_property
    def sources(self) -> Sources:
        """What reads messages."""
        return sources(self.settings)

    @cached_property
    def gaps(self) -> Gaps:
        """What tells of lost messages."""
        return Gaps(
            store=self.store,
            slot=self.slot,
            outbox=self.outbox,
            clock=self.clock,
            progress=self.watched["gaps"],
            meter=self.figures,
        )

    @cached_property
    def intake(self) -> Intake:
        """Between the buses and record; the buses are made known to it by ``serve``."""
        intake = self.settings.intake
        return Intake(
            batch_size=intake.batch_size,
            batch_wait_s=intake.batch_wait_ms / 1000,
            high_water=intake.high_water,
            progress=self.watched["record"],
        )

    @cached_property
    def mqtt(self) -> MqttBus:
        """The MQTT bus."""
        settings, instance = self.settings, self.settings.instance.name
        return MqttBus(
            settings.mqtt,
            instance=instance,
            info=info(settings, self.boot_id, self.clock.now()),
            high_water=settings.intake.high_water,
            deliver=self.intake.deliver,
            losses=self.gaps,
            clock=self.clock,
            request_topics=settings.mqtt.request_topics,
            homeassistant=HomeAssistant.of(settings.mqtt, instance=instance, version=__version__),
            heard_before=self.slot.filters,
        )

    @cached_property
    def dbus(self) -> DbusSide | None:
        """The D-Bus side; None: it is off."""
        if not self.settings.dbus.is_on:
            return None
        return dbus_side(
            self.settings,
            self.store,
            self.intake,
            self.gaps,
            self.clock,
            progress=self.watched["dbus relay"],
            wake=self.recorded.hear(),
            meter=self.figures,
        )

    @cached_property
    def recorder(self) -> Recorder:
        """The one transaction in the middle."""
        settings = self.settings
        return Recorder(
            store=self.store,
            intake=self.intake,
            sources=self.sources,
            rules=settings.rules(),
            outbox=self.outbox,
            clock=self.clock,
            progress=self.watched["record"],
            recorded=self.recorded,
            requests=requests(settings, self.outbox),
            silences=settings.standing_silences(),
            meter=self.figures,
        )

    @cached_property
    def relay(self) -> Relay:
        """The outbox onto MQTT."""
        return Relay(
            store=self.store,
            publisher=self.mqtt,
            mirror=Mirror(store=self.store, publisher=self.mqtt, base_topic=self.settings.mqtt.base_topic),
            clock=self.clock,
            settings=relay_settings(self.settings),
            progress=self.watched["relay"],
            wake=self.recorded.hear(),
            meter=self.figures,
        )

    @cached_property
    def channels(self) -> Mapping[str, ChannelPort]:
        """The ways to people; they are to be closed."""
        return configured(self.settings.channels)

    @cached_property
    def courier(self) -> Courier:
        """The outbox to people."""
        settings = self.settings
        deliveries = Deliveries(
            store=self.store,
            outbox=self.outbox,
            clock=self.clock,
            owner=people_owner(settings),
            patience=patience(settings),
            settle_for_s=math.inf,
            meter=self.figures,
        )
        return Courier(
            store=self.store,
            channels=self.channels,
            manners=manners(settings),
            deliveries=deliveries,
            clock=self.clock,
            progress=self.watched["courier"],
        )

    @cached_property
    def abandoned(self) -> Abandoned:
        """What gives up what nobody sends."""
        return Abandoned(
            store=self.store,
            gone=gone_channels(self.settings),
            budget=self.settings.relay.budget,
            clock=self.clock,
            progress=self.watched["abandoned"],
        )

    @cached_property
    def timers(self) -> Timers:
        """What happens by time alone."""
        settings = self.settings
        return Timers(
            store=self.store,
            outbox=self.outbox,
            clock=self.clock,
            progress=self.watched["timers"],
            recorded=self.recorded,
            remind_after=settings.notify.reminder_every,
            silence_ends=SilenceEnds(outbox=self.outbox, rules=settings.rules(), standing=settings.standing_silences()),
        )

    @cached_property
    def telemetry(self) -> Telemetry:
        """What is counted, for Prometheus."""
        return Telemetry(
            self.settings.metrics,
            figures=self.figures,
            queue=self.intake,
            buses={Channel.MQTT: self.mqtt} | ({Channel.DBUS: self.dbus.bus} if self.dbus else {}),
            survey=self.store,
            clock=self.clock,
            sources=self.sources.names,
            channels=list(self.channels),
        )

    @cached_property
    def health(self) -> Health:
        """What the service manager is told."""
        dbus = self.dbus.bus if self.dbus else None
        return Health(self.notifier, self.mqtt, dbus, self.intake, tuple(self.watched.values()), self.orders)
