"""From a message to its alerts: which configured source it belongs to, what that source fills in, and its format's decoder.

MQTT messages find their source by their topic; D-Bus signals bring its key, and without one are native alerts.

Pure but for a bounded cache of topics. Called by record, once for each message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel, Fault
from axion_bus.domain.topics import matches
from axion_bus.formats import Context, Element, FormatName, Malformed, decoder, topic_defaults
from axion_bus.ports import ORIGIN_PROPERTY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axion_bus.formats import Decoder
    from axion_bus.ports import Received

UNKNOWN_PACKAGE = "UNKNOWN"
_CACHED_TOPICS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured source: messages on topics that match ``topic_filter``, read by ``decode``; of D-Bus, those that bring its key.

    ``source``, ``package`` and ``severity`` fill what an alert leaves out; None: from the topic, or UNKNOWN and MEDIUM; of D-Bus
    from the sender's well-known name, or this instance.
    """

    topic_filter: str
    decode: Decoder
    source: str | None = None
    package: str | None = None
    severity: Severity = Severity.MEDIUM


_NATIVE = Source(topic_filter="", decode=decoder(FormatName.NATIVE, None))


class Sources:
    """The configured sources; the first that matches a topic reads it. ``signals`` are those of D-Bus, by key."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        base_topic: str,
        instance: str,
        max_payload_bytes: int,
        signals: Mapping[str, Source] | None = None,
    ) -> None:
        self._sources = tuple(sources)
        self._signals = signals or {}
        self._base_topic = base_topic
        self._instance = instance
        self._max_payload_bytes = max_payload_bytes
        self._known: dict[str, tuple[Source, str, str]] = {}

    @property
    def names(self) -> list[str]:
        """The configured sources, as the configuration names them."""
        return [*(each.topic_filter for each in self._sources), *self._signals]

    def name_of(self, received: Received) -> str:
        """Which of ``names`` reads ``received``; ``dbus`` for a native alert from there."""
        if received.channel == Channel.DBUS:
            return received.source or "dbus"
        if not self._sources:
            return ""
        return (self._known.get(received.address) or self._find(received.address))[0].topic_filter

    def decode(self, received: Received) -> list[Element]:
        """The alerts in ``received``, and what could not be read as one; at least one element."""
        fault = self._refusal(received)
        if fault is not None:
            return [Element(fault, None)]
        if received.channel == Channel.DBUS:
            source, name, package = self._of_signal(received)
        else:
            source, name, package = self._known.get(received.address) or self._find(received.address)
        attributes = received.attributes
        context = Context(
            topic=received.address,
            content_type=attributes.content_type if attributes else None,
            properties=attributes.properties if attributes else (),
            source=name,
            package=package,
            severity=source.severity,
        )
        return source.decode(received.body, context)

    def _refusal(self, received: Received) -> Malformed | None:
        size = len(received.body)
        if received.refusal is not None:
            return received.refusal
        if received.bad_address:
            return Malformed(fault=Fault.BAD_TOPIC, place="", detail="the topic is not UTF-8 (MQTT 5 1.5.4)")
        if received.retained:
            return Malformed(
                fault=Fault.RETAINED, place="", detail="a retained message tells of the past; publish alerts without retain"
            )
        if size > self._max_payload_bytes:
            limit = self._max_payload_bytes
            return Malformed(fault=Fault.TOO_LARGE, place="", detail=f"{size} bytes; [intake] max_payload_bytes allows {limit}")
        if received.attributes and (ORIGIN_PROPERTY, self._instance) in received.attributes.properties:
            return Malformed(
                fault=Fault.OWN_PUBLICATION, place="", detail="published by this instance; is a bridge sending it back?"
            )
        return None

    def _of_signal(self, received: Received) -> tuple[Source, str, str]:
        """A unique name (``:1.7``) is no source: the same program has another one when it comes back."""
        source = _NATIVE if received.source is None else self._signals[received.source]
        name = str((received.sender or {}).get("name", ""))
        known = name if name and not name.startswith(":") else self._instance
        return source, source.source or known[:255], source.package or UNKNOWN_PACKAGE

    def _find(self, topic: str) -> tuple[Source, str, str]:
        source = next((each for each in self._sources if matches(each.topic_filter, topic)), self._sources[0])
        topic_source, topic_package = topic_defaults(topic, self._base_topic)
        known = source, source.source or topic_source or topic[:255], source.package or topic_package or UNKNOWN_PACKAGE
        if len(self._known) < _CACHED_TOPICS:
            self._known[topic] = known
        return known
