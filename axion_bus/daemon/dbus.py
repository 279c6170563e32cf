"""The D-Bus side of the daemon: the bus with its service, the objects of incidents, and a relay of its own. Built by ``parts``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axion_bus import __version__
from axion_bus.daemon.build import relay_settings
from axion_bus.domain.communication import Channel
from axion_bus.pipeline.relay import Relay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection

    from axion_bus.buses.dbus.bus import DbusBus
    from axion_bus.config import Settings
    from axion_bus.pipeline.gaps import Gaps
    from axion_bus.pipeline.intake import Intake
    from axion_bus.pipeline.progress import Progress
    from axion_bus.ports import Clock, Meter, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class DbusSide:
    """What there is of D-Bus: what hears and tells, and what hands it the rows that it tells."""

    bus: DbusBus
    relay: Relay


def dbus_side(
    settings: Settings,
    store: Store,
    intake: Intake,
    gaps: Gaps,
    clock: Clock,
    *,
    progress: Progress,
    wake: asyncio.Event,
    meter: Meter,
) -> DbusSide:
    """The D-Bus side as ``[dbus]`` has it."""
    from axion_bus.buses.dbus.bus import DbusBus  # noqa: PLC0415 - its library is loaded only where it is used
    from axion_bus.buses.dbus.service import Service  # noqa: PLC0415 - the same
    from axion_bus.buses.dbus.tree import Tree  # noqa: PLC0415 - the same

    async def open_keys(prefix: str) -> Collection[str]:
        return await store.write(lambda transaction: transaction.open_dedup_keys(prefix))

    bus = DbusBus(
        settings.dbus,
        deliver=intake.deliver,
        losses=gaps,
        clock=clock,
        max_payload_bytes=settings.intake.max_payload_bytes,
        open_keys=open_keys,
    )
    tree = Tree(store=store, bus=bus, version=__version__, instance=settings.instance.name)
    bus.service = Service(bus=bus, tree=tree, deliver=intake.deliver, allows=bus.allows, ration=bus.ration, clock=clock)
    relay = Relay(
        store=store,
        publisher=bus,
        mirror=tree,
        clock=clock,
        settings=replace(relay_settings(settings), channel=Channel.DBUS, owner=f"dbus:{settings.mqtt.client_id}"[:64]),
        progress=progress,
        wake=wake,
        meter=meter,
    )
    return DbusSide(bus=bus, relay=relay)
