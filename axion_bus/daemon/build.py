"""What the parts take, from the settings: sources with their decoders, the relay's times, the opened and locked store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from axion_bus import __version__
from axion_bus.channels import configured
from axion_bus.daemon.health import is_set_within
from axion_bus.domain.communication import Channel
from axion_bus.errors import StoreConflict, StoreUnavailable
from axion_bus.formats import FormatName, decoder
from axion_bus.manager.inbox import Inbox
from axion_bus.manager.receipts import Receipts
from axion_bus.manager.replies import Replies
from axion_bus.manager.requests import BusRequests
from axion_bus.pipeline.decode import Source, Sources
from axion_bus.pipeline.relay import RelaySettings
from axion_bus.store.lock import hold
from axion_bus.store.migrate import prepare
from axion_bus.store.sql import open_store

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from contextlib import AsyncExitStack
    from datetime import datetime

    from axion_bus.config import Settings
    from axion_bus.config.dbus import DbusSource
    from axion_bus.formats.wire import InstanceInfo
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Meter, Slot
    from axion_bus.store.lock import InstanceLock
    from axion_bus.store.sql import SqlStore
    from axion_bus.systemd import Notifier

log = structlog.get_logger()

_STORE_RETRY_S = 2.0
_START_LIMIT_S = 30.0


async def open_patiently(
    stack: AsyncExitStack, settings: Settings, *, boot_id: str, stop: asyncio.Event, notifier: Notifier, meter: Meter
) -> tuple[SqlStore, InstanceLock, Slot] | None:
    """The store with its schema in place, our lock and our slot; waits for a database that is away. None: stopped meanwhile.

    Raises:
        AlreadyRunning: another daemon has this client id or this database.
        SchemaError: the database's schema does not fit.

    """
    store_settings, mqtt = settings.store, settings.mqtt
    password = store_settings.password.reveal() if store_settings.password else None
    store = await stack.enter_async_context(
        open_store(
            str(store_settings.url),
            password=password,
            pool_size=store_settings.pool_size,
            timeout_s=store_settings.timeout_s,
            meter=meter,
        )
    )
    while True:
        notifier.extend_timeout(_START_LIMIT_S)
        try:
            await prepare(store.engine)
            lock = await stack.enter_async_context(hold(store.engine, mqtt.client_id))
            return store, lock, await store.take_slot(mqtt.client_id, settings.instance.name, boot_id)
        except (StoreUnavailable, StoreConflict) as exc:
            log.warning("waiting_for_store", error=str(exc)[:500], retry_s=_STORE_RETRY_S)
            notifier.status(f"waiting for the database {store_settings.url}")
        if await is_set_within(stop, _STORE_RETRY_S):
            return None


def sources(settings: Settings) -> Sources:
    """The configured sources with their decoders."""
    mqtt = settings.mqtt
    return Sources(
        [
            Source(
                topic_filter=each.topic,
                decode=decoder(each.format, each.mapping),
                source=each.defaults.source,
                package=each.defaults.package,
                severity=each.defaults.severity,
            )
            for each in mqtt.sources
        ],
        base_topic=mqtt.base_topic,
        instance=settings.instance.name,
        max_payload_bytes=settings.intake.max_payload_bytes,
        signals={f"dbus.sources[{number}]": _of_signals(each) for number, each in enumerate(settings.dbus.sources)},
    )


def _of_signals(source: DbusSource) -> Source:
    """What a preset makes of a signal is a native alert."""
    return Source(
        topic_filter="",
        decode=decoder(FormatName.NATIVE, None) if source.preset else decoder(source.format, source.mapping),
        source=source.defaults.source,
        package=source.defaults.package,
        severity=source.defaults.severity,
    )


def requests(settings: Settings, outbox: Outbox) -> Inbox:
    """Who carries out commands and takes replies.

    No answer goes where we listen, nor where others take what they hear for our own word.
    """
    mqtt = settings.mqtt
    ours = [each for each in mqtt.published if each != f"{mqtt.base_topic}/response/#"]
    commands = BusRequests(
        outbox=outbox,
        base_topic=mqtt.base_topic,
        max_payload_bytes=settings.intake.max_payload_bytes,
        response_prefixes=mqtt.response_prefixes,
        forbidden=[*ours, *mqtt.request_topics, *(source.topic for source in mqtt.sources)],
    )
    channels = {name.upper(): channel for name, channel in settings.channels if channel is not None}
    replies = Replies(
        outbox=outbox,
        base_topic=mqtt.base_topic,
        max_payload_bytes=settings.intake.max_payload_bytes,
        senders={name: channel.senders for name, channel in channels.items()},
        reachable=configured(settings.channels).keys(),
    )
    receipts = Receipts(outbox=outbox, base_topic=mqtt.base_topic, max_payload_bytes=settings.intake.max_payload_bytes)
    return Inbox([commands, receipts, replies])


def people_owner(settings: Settings) -> str:
    """In whose name messages to people are claimed: not the relay's, which gives back all of its own at once."""
    return f"people:{settings.mqtt.client_id}"[:64]


def gone_channels(settings: Settings) -> Mapping[str, str]:
    """Channels on which this daemon sends nothing, each with what to say of it. Messages to people over MQTT go as any other."""
    served = {Channel.MQTT, *(name.upper() for name, section in settings.channels if section is not None)}
    if settings.dbus.is_on:
        served.add(Channel.DBUS)
    left = {name: f"given up: no daemon with [channels.{name.lower()}] came to send it" for name in Channel}
    left[Channel.DBUS] = "given up: no daemon with [dbus] came to send it"
    return {name: why for name, why in left.items() if name not in served}


def relay_settings(settings: Settings) -> RelaySettings:
    """``[relay]`` as the relay takes it; what it claims it claims in the name of the client id, which one daemon at a time has."""
    relay = settings.relay
    return RelaySettings(
        owner=settings.mqtt.client_id[:64],
        attempt_timeout_s=relay.attempt_timeout_s,
        lease=timedelta(seconds=relay.lease_s),
        retry_base_s=relay.retry_base_s,
        retry_max_s=relay.retry_max_s,
        max_outstanding=relay.max_outstanding,
    )


def info(settings: Settings, boot_id: str, now: datetime) -> InstanceInfo:
    """What is published, retained, about this instance; no secrets."""
    return {
        "instance": settings.instance.name,
        "version": __version__,
        "boot_id": boot_id,
        "started_at": now,
        "store": str(settings.store.url).partition(":")[0],
        "sources": [{"topic": each.topic, "format": each.format.value} for each in settings.mqtt.sources],
        "dbus": settings.dbus.bus,
        "rules": [rule.name for rule in settings.rules()],
    }
