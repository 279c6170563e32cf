"""What a fault test plays on: a broker, a database, a stream of alerts, who publishes it and who hears the events; and the verdict.

Daemons are the test's to start, kill and start again. ``verdict`` waits for the quiet time that each fault test ends with.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.chaos import ledger
from tests.chaos.alerts import Alerts
from tests.chaos.checker import History, check
from tests.chaos.publisher import Publisher
from tests.chaos.session import session_of
from tests.chaos.subscriber import Subscriber
from tests.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.servers import Daemon, Mosquitto

_QUIET_S = 0.6
_LOOK_EVERY_S = 0.2

_COUNTS = """
SELECT (SELECT COUNT(*) FROM data_incident_communication WHERE Direction = 'INBOUND' AND ExternalId IS NOT NULL) AS accepted,
       (SELECT COUNT(*) FROM data_incident_communication WHERE Direction = 'OUTBOUND') AS events,
       (SELECT COUNT(*) FROM data_incident_communication WHERE Status = 'PENDING') AS pending,
       (SELECT COUNT(*) FROM data_incident WHERE AutoCloseAt IS NOT NULL AND Status = 'MONITORING') AS closing
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a test runs in: ``dice`` decides everything that is random, ``is_long`` how long the test takes."""

    base_topic: str
    dice: Random
    is_long: bool
    make_daemon: Callable[..., Daemon]


class Scene:
    """One stream through one broker into one database at ``store``."""

    def __init__(self, stage: Stage, broker: Mosquitto, store: str, publisher: Publisher, subscriber: Subscriber) -> None:
        self.broker = broker
        self.store = store
        self.base_topic = stage.base_topic
        self.dice = stage.dice
        self.is_long = stage.is_long
        self.publisher = publisher
        self.subscriber = subscriber
        self.alerts = Alerts(stage.base_topic, stage.dice)
        self._make_daemon = stage.make_daemon

    def daemon(self, *, port: int | None = None, **settings: Any) -> Daemon:
        """A daemon, not yet started; ``port`` of a proxy before the broker; other arguments as for ``configuration``."""
        return self._make_daemon(**{"store": self.store, "broker": _url(port) if port else self.broker.url, **settings})

    def start_daemon(self, **settings: Any) -> Daemon:
        """A daemon that is started and hears; arguments as for ``daemon``."""
        return start_hearing(self.daemon(**settings))

    def send(self, number: int) -> None:
        """Let ``number`` more alerts be published; returns at once."""
        self.publisher.send(self.alerts.messages(number))

    def pause(self, at_most_s: float) -> None:
        """Let a random time pass: faults come at any moment, not when something has just happened."""
        time.sleep(self.dice.uniform(0, at_most_s))

    def wait(self, seconds: float) -> None:
        """Let a fault last."""
        time.sleep(seconds)

    def backlog(self) -> str:
        """What is still to be done by somebody, in words; empty when there is nothing."""
        counts = ledger.query(self.store, _COUNTS)[0]
        seen = len({event.id for event in self.subscriber.seen})
        lacking = {
            "messages not taken by the broker": self.publisher.waiting,
            "alerts not accepted": len(self.publisher.published) - counts["accepted"],
            "events PENDING": counts["pending"],
            "incidents about to close": counts["closing"],
            "events not heard": counts["events"] - seen,
        }
        return ", ".join(f"{number} {what}" for what, number in lacking.items() if number > 0)

    def wait_for_accepted(self, number: int, timeout_s: float = 60) -> None:
        """Wait until ``number`` alerts are accepted in all."""
        where = "Direction = 'INBOUND' AND ExternalId IS NOT NULL"
        wait_until(
            lambda: ledger.count(self.store, "data_incident_communication", where) >= number,
            f"{number} alerts accepted",
            timeout_s,
            every_s=0.05,
        )

    def settle(self, timeout_s: float = 60) -> None:
        """Wait until there is no backlog, and still none a quiet time later."""
        quiet_since: float | None = None

        def is_quiet() -> bool:
            nonlocal quiet_since
            if self.backlog():
                quiet_since = None
                return False
            quiet_since = quiet_since or time.monotonic()
            return time.monotonic() - quiet_since >= _QUIET_S

        wait_until(is_quiet, lambda: f"no backlog; there are {self.backlog()}", timeout_s, every_s=_LOOK_EVERY_S)

    def verdict(self, timeout_s: float = 60) -> list[str]:
        """After a quiet time: every broken promise, in words, and a backlog that does not go. The daemon must be running."""
        left = []
        try:
            self.settle(timeout_s)
        except TimeoutError as exc:
            left = [str(exc)]
        history = History(published=self.publisher.published, acked=self.publisher.acked, seen=self.subscriber.seen)
        return left + check(history, ledger.read_ledger(self.store))


@contextmanager
def open_scene(stage: Stage, broker: Mosquitto, store: str) -> Iterator[Scene]:
    """A scene at ``broker``, whose subscriber hears all events."""
    with Publisher(broker.port) as publisher, Subscriber(broker.port, f"{stage.base_topic}/events/#") as subscriber:
        yield Scene(stage, broker, store, publisher, subscriber)


def _url(port: int) -> str:
    return f"mqtt://127.0.0.1:{port}"


def start_hearing(daemon: Daemon) -> Daemon:
    """Start ``daemon`` and wait until its subscriptions stand: what is published from then on reaches its session."""
    before = len(daemon.logged("broker_connected"))
    daemon.start()
    wait_until(lambda: len(daemon.logged("broker_connected")) > before, "the daemon is connected to the broker")
    return daemon


def what_is_left(broker: Mosquitto, daemon: Daemon) -> tuple[bool, list[bytes]]:
    """Of a daemon that has ended: whether the broker kept its session, and what it had not acknowledged."""
    found = session_of(broker.port, daemon.client_id)
    return found.is_present, found.unacknowledged
