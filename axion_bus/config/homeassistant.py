"""``[mqtt.homeassistant]``: whether and where Home Assistant on the same broker is told of us.

What it is told is ``formats.homeassistant``'s matter. Part of ``[mqtt]``: its topics have to keep clear of the others there.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from axion_bus.config.section import Section
from axion_bus.config.values import Allowed, BaseTopic, Flag
from axion_bus.domain import topics


def _check_name(text: str) -> str:
    topics.check_name(text)
    return text


TopicName = Annotated[str, AfterValidator(_check_name), Allowed("a topic without + and #")]


class HomeAssistant(Section):
    """Home Assistant's MQTT discovery: a device with the state of the incidents appears there by itself."""

    discovery: Flag | None = Field(
        None, description="`true`: the device is announced. `false`: it is taken away again. Not set: nothing is published there."
    )
    discovery_prefix: BaseTopic = Field("homeassistant", description="Home Assistant's `discovery_prefix`.")
    birth_topic: TopicName = Field(
        "homeassistant/status", description="Its birth message's topic; on `online` the device is announced again."
    )

    @property
    def published(self) -> tuple[str, ...]:
        """Topic filters of what is published for Home Assistant."""
        return () if self.discovery is None else (f"{self.discovery_prefix}/device/#",)

    @property
    def heard(self) -> tuple[str, ...]:
        """Topic filters of what is heard from it."""
        return (self.birth_topic,) if self.discovery else ()
