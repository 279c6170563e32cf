"""All ports on one page: what the pipeline needs of a store, a bus and a clock. Adapters implement these; nothing else does.

The values that cross a port are here too: ``Received`` and ``Outcome`` on the way in, ``Outgoing`` and ``Settlement`` on the
way out.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident, TimelineEntry
    from axion_bus.domain.note import Note
    from axion_bus.domain.routing import NotifyCode

T = TypeVar("T")

ORIGIN_PROPERTY = "axion_origin"
"""The MQTT 5 user property that names the instance which published a message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert of a message: accepted (``alert_guid``) or not (``error``)."""

    reference: str
    alert_guid: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a bus tells about a message beside its bytes, bounded by the adapter: of MQTT 5 (section 3.3.2.3) what we act on.

    ``expires_s`` is what was left of its life when it was delivered, in seconds.
    """

    content_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    response_topic: str | None = None
    correlation: bytes | None = None
    expires_s: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One message as a bus delivered it: bytes, untouched. ``ack`` may be called once, after the message is accepted.

    ``address`` is the topic or object path; if it is not UTF-8, ``bad_address`` says so and the bytes are backslash-escaped.
    ``duplicate`` is the bus's own hint that it may have delivered the message before.
    """

    channel: str
    address: str
    body: bytes
    received_at: datetime
    ack: Callable[[Sequence[Outcome]], None]
    retained: bool = False
    duplicate: bool = False
    bad_address: bool = False
    attributes: Attributes | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One claimed OUTBOUND row: what the relay hands to a bus."""

    guid: str
    incident_guid: str | None
    sequence: int | None
    recipient: str
    message: str
    attempts: int
    metadata: Mapping[str, Any]

    @property
    def is_event(self) -> bool:
        """Whether it tells what happened; else it answers a request."""
        return "request" not in self.metadata

    @property
    def correlation(self) -> bytes | None:
        """What the asker recognises the answer by (MQTT 5 3.3.2.3.6)."""
        text = self.metadata.get("correlation")
        return None if text is None else b64decode(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to one recipient, as a channel takes it. ``html`` is the same in another dress, for channels that show it.

    ``occasion`` is what it tells: ``created``, ``acknowledged``, ``closed`` ... or ``notification``, ``report``, ``answer``.
    ``incident`` is the incident as the bus shows it, as it was then. ``thread`` is the provider's id of the first message that it
    took about this incident on this channel for this recipient; what comes later belongs to that one.
    """

    guid: str
    reference: str
    recipient: str
    subject: str
    text: str
    html: str | None = None
    incident_guid: str | None = None
    occasion: str = "notification"
    incident: Mapping[str, Any] = field(default_factory=dict)
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider said when it took a message: the id that it knows it by, and its words."""

    external_id: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one delivery attempt. ``error`` None means delivered; else ``next_attempt_at`` None means given up.

    ``external_id`` is the id by which the other side knows what was delivered; ``is_ambiguous``: it may have it all the same.
    """

    guid: str
    attempt: int
    started_at: datetime
    finished_at: datetime
    error: str | None = None
    next_attempt_at: datetime | None = None
    external_id: str | None = None
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One row of ``data_incident_alert``."""

    incident_guid: str
    alert_guid: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Changes:
    """All that one transaction writes. Changed rows must have been read in the same transaction, which locked them."""

    new_alerts: list[AlertRecord] = field(default_factory=list)
    changed_alerts: list[AlertRecord] = field(default_factory=list)
    new_incidents: list[Incident] = field(default_factory=list)
    changed_incidents: list[Incident] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    communications: list[Communication] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What is known of an MQTT client id.

    ``subscribed_at`` None: it never had a session at the broker. ``broker_dropped`` is the broker's last known count of messages
    that it dropped, for any client, since it was started.
    """

    client_id: str
    subscribed_at: datetime | None = None
    broker_dropped: int | None = None


class Transaction(Protocol):
    """One transaction of a Store. What it reads for change stays locked until it ends, always alerts before incidents."""

    async def has_communication(self, guid: str) -> bool:
        """Whether the audit stream has the row ``guid``."""
        ...

    async def accepted(self, ingest_keys: Collection[str]) -> frozenset[str]:
        """Those of ``ingest_keys`` that are in the audit stream already."""
        ...

    async def open_alerts(self, fingerprints: Collection[str]) -> Sequence[AlertRecord]:
        """The firing alerts with these fingerprints."""
        ...

    async def alerts_by_guid(self, guids: Collection[str]) -> Sequence[AlertRecord]:
        """The alerts with these guids, open or not."""
        ...

    async def taken_alert_guids(self, guids: Collection[str]) -> frozenset[str]:
        """Those of ``guids`` that an alert, open or not, has already."""
        ...

    async def incidents_by_key(self, keys: Collection[str], closed_since: datetime | None) -> Sequence[Incident]:
        """The open incidents with these correlation keys, and those closed since ``closed_since`` unless that is None."""
        ...

    async def incidents_by_guid(self, guids: Collection[str]) -> Sequence[Incident]:
        """The incidents with these guids."""
        ...

    async def merge_targets(self, keys: Collection[str]) -> Mapping[str, Incident]:
        """Where merged incidents went: of their correlation keys those that lead to an incident that is open."""
        ...

    async def linked_alerts(self, incident_guid: str) -> frozenset[str]:
        """The guids of the alerts that are linked to an incident."""
        ...

    async def free_references(self, references: Collection[str]) -> frozenset[str]:
        """Those of ``references`` that no row of the audit stream has."""
        ...

    async def notify_codes(self, codes: Collection[str]) -> Mapping[str, NotifyCode]:
        """Those of ``codes`` that ``def_notify`` has."""
        ...

    async def move_belongings(self, source_guid: str, target_guid: str) -> None:
        """Give everything of one incident to another: alerts, links, notes, timeline, communications, and what was merged into it.

        What the bus was told of the source (rows with a sequence) stays the source's: it is its history there.
        """
        ...

    async def answer_to(self, ingest_key: str) -> str | None:
        """The answer to the command that was accepted under ``ingest_key``; None: there was none."""
        ...

    async def ask(self, query: Callable[[Any], Awaitable[T]]) -> T:
        """Ask one of the store's questions (``store.queries``) and see what this transaction has written."""
        ...

    async def incidents_to_close(self, now: datetime, limit: int) -> Sequence[Incident]:
        """Incidents whose quiet time is over, the longest first."""
        ...

    async def firing(self, incident_guids: Collection[str]) -> Mapping[str, int]:
        """How many firing alerts each of these incidents has; those with none are left out."""
        ...

    async def save(self, changes: Changes) -> None:
        """Write ``changes``, whole. Raises StoreConflict when a unique index decided for somebody else."""
        ...

    async def lease(self, guids: Collection[str], owner: str, until: datetime) -> None:
        """Keep PENDING rows that were just written for ``owner``, who sends them itself."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record delivery attempts and what became of their rows; the leases end."""
        ...

    async def save_slot(self, slot: Slot) -> None:
        """Remember what the broker told last."""
        ...


class Store(Protocol):
    """A database. Every method raises StoreUnavailable when it cannot be reached; nothing else of the driver's comes through."""

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run ``work`` in a transaction and commit; run it again, whole, when it loses a race (StoreConflict at last)."""
        ...

    async def claim(self, channel: str, *, owner: str, now: datetime, lease_until: datetime, limit: int) -> Sequence[Outgoing]:
        """Lease PENDING rows of ``channel`` that are due to ``owner``: of each incident the oldest ones, without a gap."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record delivery attempts and what became of their rows; the leases end."""
        ...

    async def give_back(self, guids: Collection[str]) -> None:
        """End the leases of these rows; they are due as before."""
        ...

    async def thread(self, incident_guid: str, channel: str, recipient: str) -> str | None:
        """The id of the first message about an incident that was delivered on ``channel`` to ``recipient``."""
        ...

    async def release(self, owner: str) -> None:
        """End every lease of ``owner``."""
        ...

    async def open_incidents(self, after: str, limit: int) -> Sequence[Incident]:
        """A page of the open incidents, ordered by guid, behind ``after``."""
        ...

    async def incidents_to_clear(self, now: datetime, limit: int) -> Sequence[str]:
        """Guids of incidents closed so long ago that their retained state is to be emptied."""
        ...

    async def cleared(self, guids: Sequence[str]) -> None:
        """The retained state of these incidents was emptied."""
        ...

    async def take_slot(self, client_id: str, instance: str, boot_id: str) -> Slot:
        """What is known of ``client_id``, which ``instance`` uses from now on."""
        ...

    async def summary(self) -> Mapping[str, Mapping[str, int]]:
        """Counts of open incidents: ``status``, ``severity``, ``package``, each by value."""
        ...


class Bus(Protocol):
    """Where messages come from; it can be held back."""

    def pause(self) -> None:
        """Stop reading: too much is unacknowledged."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class Publisher(Protocol):
    """Where messages go to. ``connection`` is another number after each reconnection."""

    @property
    def is_connected(self) -> bool:
        """Whether it is worth trying."""
        ...

    @property
    def connection(self) -> int:
        """The number of the connection; 0 before the first."""
        ...

    def publish(
        self, topic: str, body: bytes, *, retain: bool = False, is_event: bool = False, correlation: bytes | None = None
    ) -> asyncio.Future[None]:
        """Send at QoS 1; the future ends when the broker has it, or with BusUnavailable. An event is a structured CloudEvent."""
        ...


class Requests(Protocol):
    """Who carries out what people and programs ask for over a bus."""

    def wants(self, address: str) -> bool:
        """Whether what comes on ``address`` is a request, and no alert."""
        ...

    async def answer(self, transaction: Transaction, received: Received, guid: str, now: datetime) -> Sequence[Communication]:
        """Carry it out inside ``transaction``; return the rows that tell of it, which are written, its own (``guid``) first."""
        ...


class Losses(Protocol):
    """Who is told what a broker says of messages that it lost; never waits."""

    def told_session(self, *, present: bool) -> None:
        """The broker accepted our subscriptions; ``present`` is its Session Present flag (MQTT 5 3.2.2.1.1)."""
        ...

    def told_dropped(self, count: int) -> None:
        """The broker has dropped ``count`` messages since it was started, for any of its clients."""
        ...


class Channel(Protocol):
    """A way to reach people. Made from its settings; knows nothing of rows, retries or other channels."""

    @property
    def recipients(self) -> Sequence[str]:
        """Whom it reaches where nobody else is named."""
        ...

    async def send(self, letter: Letter) -> Receipt:
        """Deliver ``letter``, once, within the channel's own time limit.

        Raises:
            DeliveryFailed: it was not delivered, or nobody knows; the error says which, and whether trying again may help.

        """
        ...

    async def close(self) -> None:
        """Let go of what it holds open."""
        ...


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The time of day, aware UTC."""
        ...
