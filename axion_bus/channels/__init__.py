"""Ways to reach people: one small file each, all implementing ``ports.Channel``. The registry says which are configured.

Channels don't see each other. What they need of SMTP or HTTP they take from a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.channels.email import EmailChannel
from axion_bus.domain.communication import Channel as Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.config.notify import Channels
    from axion_bus.ports import Channel

__all__ = ["configured"]


def configured(settings: Channels) -> Mapping[str, Channel]:
    """The channels that have a section in the configuration, by the names of the audit stream. Nothing is connected yet."""
    channels: dict[str, Channel] = {}
    if settings.email is not None:
        channels[Name.EMAIL] = EmailChannel(settings.email)
    return channels
