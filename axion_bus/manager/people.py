"""Whom the configuration lets us reach, and what for: ``[channels.<name>]`` and ``[notify]`` as the pipeline takes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from axion_bus.channels import configured
from axion_bus.config.dbus import OBJECT_PATH
from axion_bus.domain import template
from axion_bus.domain.communication import Channel as Name
from axion_bus.domain.delivery import Manner, Patience
from axion_bus.domain.identity import BusReferences, Guids
from axion_bus.domain.routing import EVERY_DESKTOP, KEEP_INCIDENTS_APART, Occasion
from axion_bus.pipeline.notifications import Notifications
from axion_bus.pipeline.outbox import Outbox
from axion_bus.pipeline.wording import Reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.config import Settings
    from axion_bus.config.notify import Channel as Section
    from axion_bus.domain.alert import Severity


def new_outbox(settings: Settings) -> Outbox:
    """What makes rows of what is to be told, to the bus and to people."""
    new_guid = Guids(os.urandom)
    sections = {name.upper(): section for name, section in settings.channels}
    reach = {name: _reach_of(channel.recipients, sections[name]) for name, channel in configured(settings.channels).items()}
    if settings.channels.mqtt is not None:  # the relay's, which publishes its rows like any other of the bus
        topics = tuple(f"{settings.mqtt.base_topic}/notify/{name}" for name in settings.channels.mqtt.to)
        reach[Name.MQTT] = _reach_of(topics, settings.channels.mqtt)
    if settings.dbus.is_on:  # that of the other relay, in the same way
        reach[Name.DBUS] = Reach(recipients=(EVERY_DESKTOP,))
    codes: dict[str, Mapping[Severity, str]] = {occasion: getattr(settings.notify, occasion) for occasion in Occasion}
    return Outbox(
        instance=settings.instance.name,
        base_topic=settings.mqtt.base_topic,
        new_guid=new_guid,
        new_reference=BusReferences(),
        notifications=Notifications(new_guid=new_guid, reach=reach, codes=codes),
        dbus_path=OBJECT_PATH if settings.dbus.is_on else None,
    )


def manners(settings: Settings) -> Mapping[str, Manner]:
    """How each configured channel is to be used."""
    sections = {name.upper(): section for name, section in settings.channels if section is not None}
    return {
        name: Manner(
            concurrency=each.concurrency,
            rate=each.rate,
            timeout_s=each.timeout_s,
            holds_ambiguous=each.on_ambiguous == "hold",
            bundles=name not in KEEP_INCIDENTS_APART,
        )
        for name, each in sections.items()
    }


def patience(settings: Settings) -> Patience:
    """How long a message to people is tried."""
    relay = settings.relay
    return Patience(base_s=relay.retry_base_s, max_s=relay.retry_max_s, budget=relay.budget)


def _reach_of(recipients: Sequence[str], section: Section) -> Reach:
    title, body = (None if text is None else template.parse(text) for text in (section.title, section.template))
    return Reach(recipients=recipients, title=title, template=body)
