"""Who is told of what: notify codes and the channels that they stand for, and which occasion calls for which code.

The guide's codes are built in and no rows of ``def_notify``, so that they work from the start and the guide's own INSERT of one of
them does not find it taken. A row overrules what is built in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.incident import IncidentStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_RECIPIENTS: Mapping[str, Sequence[str]] = MappingProxyType({})


class Occasion(StrEnum):
    """What people can be told of by themselves; the keys of ``[notify]``."""

    CREATED = "created"
    SEVERITY_RAISED = "severity_raised"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REOPENED = "reopened"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyCode:
    """What a notify code stands for. ``recipients``, by channel, take the place of the channel's own; texts are templates.

    ``fault`` says what is wrong with the rest of its definition.
    """

    code: str
    channels: tuple[str, ...]
    title: str | None = None
    template: str | None = None
    recipients: Mapping[str, Sequence[str]] = field(default_factory=lambda: NO_RECIPIENTS)
    fault: str | None = None


KEEP_INCIDENTS_APART = frozenset({Channel.PAGERDUTY, Channel.WEBHOOK, Channel.MQTT, Channel.DBUS})
"""Channels to programs, which know each incident by its guid: messages about several are never made one there."""

EVERY_DESKTOP = "desktop"
"""The recipient on DBUS where a code names nobody; a person's name stands for the desktops of that person."""

_WRITTEN_SO = 'its Recipients are not written like {"SLACK": ["#ops"]}, so the channels\' own are told'
_GUIDE = {
    "INCIDENT_CRITICAL": (Channel.PAGERDUTY, Channel.SLACK, Channel.SMS),
    "INCIDENT_HIGH_PRIORITY": (Channel.SLACK, Channel.EMAIL),
    "INCIDENT_RESOLVED": (Channel.SLACK, Channel.EMAIL),
    "INCIDENT_CUSTOM": (Channel.SLACK, Channel.EMAIL),
}
BUILT_IN_CODES: Mapping[str, NotifyCode] = MappingProxyType(
    {code: NotifyCode(code=code, channels=channels) for code, channels in _GUIDE.items()}
)


def channel_names(text: str) -> tuple[str, ...]:
    """The channels of ``PAGERDUTY,SLACK,SMS``, in their order, each once."""
    return tuple(dict.fromkeys(name.strip().upper() for name in text.split(",") if name.strip()))


def recipients_by_channel(text: str) -> Mapping[str, Sequence[str]]:
    """The recipients of ``{"SLACK": ["#ops", "#dba"]}``.

    Raises:
        ValueError: it is not written like that.

    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_WRITTEN_SO) from None
    if not isinstance(found, dict) or not all(map(_are_recipients, found.values())):
        raise ValueError(_WRITTEN_SO)
    return {name.strip().upper(): tuple(dict.fromkeys(each)) for name, each in found.items()}


def _are_recipients(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(each, str) and each.isprintable() and each.strip() for each in value)  # no lone surrogates, either


def occasion_of(event: Event) -> Occasion | None:
    """What ``event`` is to people; None: nothing that they are told of."""
    match event.kind:
        case EventKind.INCIDENT_CREATED:
            return Occasion.CREATED
        case EventKind.INCIDENT_SEVERITY_CHANGED if _is_worse(event.old, event.new):
            return Occasion.SEVERITY_RAISED
        case EventKind.INCIDENT_STATUS_CHANGED if (event.old, event.new) == (IncidentStatus.CREATED, IncidentStatus.INVESTIGATING):
            return Occasion.ACKNOWLEDGED
        case EventKind.INCIDENT_CLOSED:  # merged away, too, or PagerDuty would go on paging for it
            return Occasion.CLOSED
        case EventKind.INCIDENT_REOPENED:
            return Occasion.REOPENED
        case _:
            return None


def _is_worse(old: str | None, new: str | None) -> bool:
    before, after = (Severity.__members__.get(name or "") for name in (old, new))
    return before is not None and after is not None and after > before
