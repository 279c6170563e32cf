"""What goes into a transaction and comes out of one: the values of ``store.py``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident, TimelineEntry
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.note import Note


@immutable(frozen=True, slots=True)
class Link:
    """One row of ``data_incident_alert``."""

    incident_guid: str
    alert_guid: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Changes:
    """All that one transaction writes. Changed rows must have been read in the same transaction, which locked them.

    A silence takes the place of the one with its guid, if there is one.
    """

    new_alerts: list[AlertRecord] = field(default_factory=list)
    changed_alerts: list[AlertRecord] = field(default_factory=list)
    new_incidents: list[Incident] = field(default_factory=list)
    changed_incidents: list[Incident] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    communications: list[Communication] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Fingerprints, correlation keys and ingest keys of alerts that came in.

    ``closed_since`` is how far back closed incidents matter (None: not at all), ``ends_after`` which silences do.
    """

    fingerprints: Collection[str] = ()
    keys: Collection[str] = ()
    ingest_keys: Collection[str] = ()
    closed_since: datetime | None = None
    ends_after: datetime


@dataclass(slots=True, kw_only=True)
class Met:
    """What alerts meet: firing alerts of their fingerprints; of their correlation keys the open incidents, and those closed lately.

    ``merged`` leads from a key to the guid of the open incident that an incident of the key was merged into, the last one.
    ``accepted`` has those of their ingest keys that are in the audit stream, each with its alert. ``silences``: the oldest first.
    """

    alerts: list[AlertRecord] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    accepted: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What is known of an MQTT client id.

    ``subscribed_at`` None: it never had a session at the broker. ``broker_dropped`` is the broker's last known count of messages
    that it dropped, for any client, since it was started. ``connecting_since``: we asked the broker for the session, and what it
    answered is not on record. ``filters`` are the topic filters that the session has.
    """

    client_id: str
    subscribed_at: datetime | None = None
    connecting_since: datetime | None = None
    filters: tuple[str, ...] = ()
    broker_dropped: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A row that may be sent: how often that was tried, and whether the last attempt never ended, its sender being cut off."""

    attempts: int = 0
    is_cut_off: bool = False
