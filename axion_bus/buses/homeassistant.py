"""Home Assistant's discovery on the MQTT bus: the device is announced with each connection, and when Home Assistant starts.

Or it is taken away, where the configuration says so: then an empty message is left where the device was. What the announcement says
is ``formats.homeassistant``'s matter. Used by the MQTT bus, which hands on what is heard on the birth topic.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog

from axion_bus.formats.homeassistant import discovery_topic, encode_device

if TYPE_CHECKING:
    import asyncio
    from typing import Self

    from axion_bus.config.mqtt import Mqtt
    from axion_bus.ports import Publisher

log = structlog.get_logger()

_BIRTH = b"online"


class HomeAssistant:
    """Leaves ``message``, retained, on ``topic``: what announces the device or, empty, takes it away; None: nothing is left there.

    ``birth_topic`` is where Home Assistant says that it is there. A session that once subscribed to it goes on hearing it when the
    device is not announced any more: so it is known then, too, or "online" would be taken for an alert.
    """

    def __init__(self, *, topic: str, message: bytes | None, birth_topic: str) -> None:
        self._topic = topic
        self._message = message
        self.birth_topic = birth_topic

    @classmethod
    def of(cls, mqtt: Mqtt, *, instance: str, version: str) -> Self:
        """As ``[mqtt.homeassistant]`` says."""
        settings = mqtt.homeassistant
        message = None if settings.discovery is None else b""
        if settings.discovery:
            message = encode_device(instance=instance, base_topic=mqtt.base_topic, version=version)
        topic = discovery_topic(settings.discovery_prefix, instance)
        return cls(topic=topic, message=message, birth_topic=settings.birth_topic)

    @property
    def subscribes(self) -> tuple[str, ...]:
        """The topics to be subscribed to."""
        return (self.birth_topic,) if self._message else ()

    def connected(self, publisher: Publisher) -> None:
        """Announce, or take away; never waits."""
        if self._message is None:
            return
        leaving = publisher.publish(self._topic, self._message, retain=True)
        leaving.add_done_callback(partial(_tell, self._topic))

    def heard(self, publisher: Publisher, body: bytes) -> None:
        """Announce again, if ``body`` on the birth topic says that Home Assistant is there: it may have forgotten."""
        if body == _BIRTH:
            self.connected(publisher)


def _tell(topic: str, leaving: asyncio.Future[None]) -> None:
    """Say what the broker did not take: nobody waits for it, and Home Assistant would just show nothing."""
    error = None if leaving.cancelled() else leaving.exception()
    if error is not None:
        log.warning("homeassistant_not_told", topic=topic, error=str(error))
