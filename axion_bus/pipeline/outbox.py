"""Turning events into PENDING rows of the audit stream, in the transaction that makes them true. Used by record and timers.

An event has a row for each bus that it goes to, so that neither waits for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.domain.communication import Channel, Communication, CommunicationStatus, Direction
from axion_bus.domain.events import EventKind
from axion_bus.formats import events
from axion_bus.pipeline.notifications import Notifications

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from axion_bus.domain.events import Event
    from axion_bus.domain.identity import BusReferences, Guids
    from axion_bus.ports import Transaction


_OF_ALERTS = frozenset({EventKind.ALERT_RECEIVED, EventKind.ALERT_RESOLVED})
"""What D-Bus has no signal for: incidents have objects there, alerts have none."""


class Outbox:
    """Gives each event its guid (the CloudEvents id), its reference and its topic; and knows who else is to be told of it.

    ``dbus_path`` is the object that tells events on D-Bus; None: nothing is told there.
    """

    def __init__(
        self,
        *,
        instance: str,
        base_topic: str,
        new_guid: Guids,
        new_reference: BusReferences,
        notifications: Notifications | None = None,
        dbus_path: str | None = None,
    ) -> None:
        self._instance = instance
        self._base_topic = base_topic
        self._dbus_path = dbus_path
        self.new_guid = new_guid
        self.new_reference = new_reference
        self.notifications = notifications or Notifications(new_guid=new_guid)

    def rows(self, told: Iterable[Event], now: datetime) -> list[Communication]:
        """The rows that publish ``told``, in order, due at once."""
        return [row for event in told for row in self._rows_of(event, now)]

    async def all_rows(self, transaction: Transaction, told: Sequence[Event], now: datetime) -> list[Communication]:
        """``rows``, and those that tell people."""
        return [*self.rows(told, now), *await self.notifications.of_events(transaction, told, now)]

    def _rows_of(self, event: Event, now: datetime) -> Iterable[Communication]:
        yield self._row(event, now, Channel.MQTT, f"{self._base_topic}/events/{event.kind.value}")
        if self._dbus_path is not None and event.kind not in _OF_ALERTS:
            yield self._row(event, now, Channel.DBUS, self._dbus_path)

    def _row(self, event: Event, now: datetime, channel: Channel, recipient: str) -> Communication:
        guid, reference = self.new_guid(now), self.new_reference(now)
        return Communication(
            guid=guid,
            short_ref=reference,
            incident_guid=None if event.incident is None else event.incident.guid,
            alert_guid=None if event.alert is None else event.alert.guid,
            channel=channel,
            direction=Direction.OUTBOUND,
            status=CommunicationStatus.PENDING,
            message=events.encode(event, event_id=guid, reference=reference, instance=self._instance, at=now),
            recipient=recipient,
            timestamp=now,
            metadata={"reason": event.reason},
            sequence=event.sequence,
            next_attempt_at=now,
        )
