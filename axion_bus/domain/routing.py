"""Which channels a notify code stands for where ``def_notify`` does not say: the guide's codes, so that they work from the start.

They are no rows of the table: the guide's own INSERT of one of them must not find it taken.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from axion_bus.domain.communication import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT_IN_CODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "INCIDENT_CRITICAL": (Channel.PAGERDUTY, Channel.SLACK, Channel.SMS),
        "INCIDENT_HIGH_PRIORITY": (Channel.SLACK, Channel.EMAIL),
        "INCIDENT_RESOLVED": (Channel.SLACK, Channel.EMAIL),
        "INCIDENT_CUSTOM": (Channel.SLACK, Channel.EMAIL),
    }
)


def channels_of(code: str, defined: str | None) -> tuple[str, ...] | None:
    """The channels of ``code`` in their order; ``defined`` is what the table has for it. None: nobody defined it."""
    if defined is None:
        return BUILT_IN_CODES.get(code)
    return tuple(name.strip().upper() for name in defined.split(",") if name.strip())
