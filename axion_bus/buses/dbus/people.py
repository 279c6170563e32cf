"""A message of a notify code as the signal that brings it to desktops. Pure; called by the bus for each row that is no event.

Such a message is for whoever listens: the bus has it when the row is SENT, and nobody can say who read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbus_next.message import Message
from pydantic_core import from_json

from axion_bus.buses.dbus import values
from axion_bus.buses.dbus.interfaces import MANAGER, ROOT
from axion_bus.domain.communication import Channel, Direction

if TYPE_CHECKING:
    from collections.abc import Mapping


def signal_to(recipient: str, body: bytes) -> Message:
    """CommunicationRecorded for the message ``body``, which the row of DBUS has, to ``recipient``."""
    message: Mapping[str, Any] = from_json(body)
    incident = message["incident"]
    told = {
        "direction": Direction.OUTBOUND,
        "channel": Channel.DBUS,
        "occasion": message["occasion"],
        "recipient": recipient,
        "subject": message["title"],
        "text": message["text"],
        "severity": incident["severity"],
        "incident_guid": incident["incident_guid"],
    }
    body_of_signal = [message["reference"], values.variants(told)]
    return Message.new_signal(ROOT, MANAGER, "CommunicationRecorded", "sa{sv}", body_of_signal)
