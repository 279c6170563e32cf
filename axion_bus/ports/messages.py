"""The values that cross a port: ``Received`` and ``Outcome`` on the way in, ``Outgoing`` and ``Settlement`` on the way out."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axion_bus.domain.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.communication import Communication
    from axion_bus.formats import Malformed

ORIGIN_PROPERTY = "axion_origin"
"""The MQTT 5 user property that names the instance which published a message."""

ALREADY_ACCEPTED = "already_accepted"
"""The reason of an Outcome without a row: the id was accepted before."""


@immutable(frozen=True, slots=True)
class Outcome:
    """What became of one alert of a message, or of a request: accepted (``alert_guid``) or not (``error``).

    ``answer`` is what answers a request over a bus that waits for it: ``{"status", "data", "error", "transaction"}``, plain JSON.
    ``reason`` is that of its row, or ALREADY_ACCEPTED.
    """

    reference: str
    alert_guid: str | None = None
    error: str | None = None
    answer: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was dealt with: the ``rows`` that tell of it, its own first, and the ``answer`` as in Outcome."""

    rows: Sequence[Communication]
    answer: Mapping[str, Any] | None = None


@immutable(frozen=True, slots=True)
class Attributes:
    """What a bus tells about a message beside its bytes, bounded by the adapter: of MQTT 5 (section 3.3.2.3) what we act on.

    ``expires_s`` is what was left of its life when it was delivered, in seconds.
    """

    content_type: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    response_topic: str | None = None
    correlation: bytes | None = None
    expires_s: int | None = None


@immutable(frozen=True, slots=True)
class Received:
    """One message as a bus delivered it: bytes, untouched. ``ack`` may be called once, after the message is accepted.

    ``address`` is the topic or object path; if it is not UTF-8, ``bad_address`` says so and the bytes are backslash-escaped.
    ``duplicate`` is the bus's own hint that it may have delivered the message before.

    ``request`` is the verb, where the bus itself says that this is a command; ``source`` the key of the configured D-Bus source
    that it belongs to; ``sender`` who sent it, as the bus says: its ``name``, ``uid`` and ``pid``, as far as they are known.
    ``refusal`` is why the adapter refuses it: recorded as such, and nothing else. ``is_state``: nobody sent it to us, it tells how
    something stands; that something stands well, of which no alert is open, leaves no row. ``is_reading``: and we asked for it;
    that it stands as it is recorded leaves no row either, and that an alert still fires is not counted.
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
    request: str | None = None
    source: str | None = None
    sender: Mapping[str, str | int] | None = None
    refusal: Malformed | None = None
    is_state: bool = False
    is_reading: bool = False


@immutable(frozen=True, slots=True)
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
        """Whether it tells what happened; else it answers a request, or is a message to somebody."""
        return "request" not in self.metadata and "occasion" not in self.metadata

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


@immutable(frozen=True, slots=True)
class Settlement:
    """What became of one delivery attempt. ``error`` None means delivered; else ``next_attempt_at`` None means given up.

    ``external_id`` is the id by which the other side knows what was delivered; ``is_ambiguous``: it may have it all the same.
    ``metadata`` is what the row's Metadata is from now on; None: as it was.
    """

    guid: str
    attempt: int
    started_at: datetime
    finished_at: datetime
    error: str | None = None
    next_attempt_at: datetime | None = None
    external_id: str | None = None
    is_ambiguous: bool = False
    metadata: Mapping[str, Any] | None = None
