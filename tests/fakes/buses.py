"""A bus that delivers messages and remembers what was acknowledged, and a broker that takes publications."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axion_bus.domain.communication import Channel
from axion_bus.errors import BusUnavailable
from axion_bus.ports import Received
from tests.fakes.time import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.ports import Outcome


@dataclass(slots=True)
class FakeBus:
    """``ports.Bus``, and the messages that come from it.

    ``acknowledged`` has the bodies in the order of their acknowledgement, ``outcomes`` what became of each message's alerts.
    """

    is_paused: bool = False
    told: list[str] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    outcomes: list[Sequence[Outcome]] = field(default_factory=list)

    def pause(self) -> None:
        self.is_paused = True
        self.told.append("pause")

    def resume(self) -> None:
        self.is_paused = False
        self.told.append("resume")

    def message(self, body: bytes | dict[str, Any] | list[Any], *, address: str = "axion/alerts/web/api", **given: Any) -> Received:
        """A message as an adapter makes it; what is not bytes is sent as JSON. It may be acknowledged once."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        is_acknowledged = False

        def ack(outcomes: Sequence[Outcome]) -> None:
            nonlocal is_acknowledged
            assert not is_acknowledged, "acknowledged twice"
            is_acknowledged = True
            self.acknowledged.append(raw)
            self.outcomes.append(outcomes)

        defaults = {"channel": Channel.MQTT, "received_at": NOON, "ack": ack}
        return Received(address=address, body=raw, **{**defaults, **given})


@dataclass(frozen=True, slots=True)
class Published:
    """One publication; ``future`` ends with the broker's acknowledgement."""

    topic: str
    body: bytes
    retain: bool
    is_event: bool
    future: asyncio.Future[None]
    correlation: bytes | None = None

    @property
    def data(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class FakePublisher:
    """``ports.Publisher`` with its broker, which acknowledges at once what ``holds`` does not hold back nor ``refuses`` refuse.

    ``sent`` has everything in order, ``retained`` the last retained body of each topic; ``calls`` counts what was tried.
    """

    def __init__(self) -> None:
        self.is_connected = True
        self.connection = 1
        self.calls = 0
        self.sent: list[Published] = []
        self.retained: dict[str, bytes] = {}
        self.holds: Callable[[Published], bool] = lambda _published: False
        self.refuses: Callable[[Published], bool] = lambda _published: False

    @property
    def events(self) -> list[Published]:
        """The events among what was sent."""
        return [each for each in self.sent if each.is_event]

    @property
    def outstanding(self) -> list[Published]:
        """What the broker has not acknowledged."""
        return [each for each in self.sent if not each.future.done()]

    def publish(
        self, topic: str, body: bytes, *, retain: bool = False, is_event: bool = False, correlation: bytes | None = None
    ) -> asyncio.Future[None]:
        self.calls += 1
        published = Published(topic, body, retain, is_event, asyncio.get_running_loop().create_future(), correlation)
        if not self.is_connected:
            published.future.set_exception(BusUnavailable("the broker is away"))
            return published.future
        self.sent.append(published)
        if self.refuses(published):
            published.future.set_exception(BusUnavailable("Not authorized"))
            return published.future
        if not self.holds(published):
            self.acknowledge(published)
        return published.future

    def acknowledge(self, published: Published) -> None:
        """The broker has it: its PUBACK arrives."""
        if published.retain:
            self.retained[published.topic] = published.body
            if not published.body:
                del self.retained[published.topic]
        if not published.future.done():
            published.future.set_result(None)

    def disconnect(self) -> None:
        """The connection is lost, and with it every acknowledgement that is still to come."""
        self.is_connected = False
        for each in self.outstanding:
            each.future.set_exception(BusUnavailable("the connection was lost"))

    def reconnect(self) -> None:
        """A new connection."""
        self.is_connected = True
        self.connection += 1
