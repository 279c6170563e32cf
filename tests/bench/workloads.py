"""The daemon under a load, from outside: published by mosquitto's client, its events received by another, its rows counted after.

Each measurement has a broker, a database and a daemon of its own. A run in which not every alert is accounted for is no figure.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench.alerts import TOPIC, Load, alert
from tests.bench.clients import QUIET_LIMIT_S, Subscription, publish_at_pace, publishing, received, wait_for_message
from tests.bench.usage import Meter
from tests.chaos.ledger import count, query
from tests.servers import Daemon, Mosquitto, configuration, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.figures import Sample

EVENTS = "axion/events/#"


def measure_load(directory: Path, url: str, load: Load) -> Sample:
    """Alerts a second, from the first one published until all are accepted, all events received and none is PENDING."""
    lines, into = directory / "alerts", directory / "events"
    lines.write_bytes(b"\n".join(load.lines()) + b"\n")
    with _running(directory, url) as (broker, daemon, subscription):
        meter = Meter(daemon.pid)
        with subscription.receiving(load.incidents + 1, into) as subscriber:
            begun = time.perf_counter()
            with publishing(broker, TOPIC, lines):
                subscriber.wait(QUIET_LIMIT_S)
            _wait_until_settled(url)
            seconds = time.perf_counter() - begun
        sample = meter.sample((load.count + 1) / seconds, load.count)
        _check(url, alerts=load.count + 1, incidents=load.incidents + 1)
    return sample


def measure_latency(directory: Path, url: str, alerts: int, every_s: float) -> tuple[list[float], Sample]:
    """How long each alert takes from its publication until its event is received, in milliseconds; what the daemon used, as 0."""
    into = directory / "events"
    titles = [f"Queue {number} is too long" for number in range(alerts)]
    payloads = [alert(f"bench-{number}", title) for number, title in enumerate(titles)]
    with _running(directory, url) as (broker, daemon, subscription):
        meter = Meter(daemon.pid)
        with subscription.receiving(alerts, into) as subscriber:
            sent = dict(zip(titles, publish_at_pace(broker, TOPIC, payloads, every_s), strict=True))
            subscriber.wait(QUIET_LIMIT_S)
        _wait_until_settled(url)
        sample = meter.sample(0, alerts)
        _check(url, alerts=alerts, incidents=alerts)
    came = {json.loads(event)["data"]["incident"]["title"]: at for at, event in received(into)}
    latencies = [(came[title] - sent[title]) * 1000 for title in titles]
    return latencies, sample


@contextmanager
def _running(directory: Path, url: str) -> Iterator[tuple[Mosquitto, Daemon, Subscription]]:
    """A broker and a daemon that is connected to it; and a subscription to its events, which misses none."""
    with Mosquitto(directory) as broker:
        subscription = Subscription(broker, EVENTS)
        with Daemon(directory, configuration(store=url, broker=broker.url, instance="bench")) as daemon:
            wait_for_message(broker, "axion/instances/bench/state")
            yield broker, daemon, subscription


def _wait_until_settled(url: str) -> None:
    pending = "SELECT 1 FROM data_incident_communication WHERE NextAttemptAt IS NOT NULL LIMIT 1"
    wait_until(lambda: not query(url, pending), "no event is PENDING", QUIET_LIMIT_S)


def _check(url: str, *, alerts: int, incidents: int) -> None:
    """Raise RuntimeError unless the database has what was published, once."""
    communications = "data_incident_communication"
    found = {
        "accepted": count(url, communications, "Direction = %s AND Status = %s", "INBOUND", "RECEIVED"),
        "counted": int(query(url, "SELECT SUM(Count) AS n FROM data_alert")[0]["n"]),
        "incidents": count(url, "data_incident"),
        "sent": count(url, communications, "Direction = %s AND Status = %s", "OUTBOUND", "SENT"),
    }
    wanted = {"accepted": alerts, "counted": alerts, "incidents": incidents, "sent": incidents}
    if found != wanted:
        raise RuntimeError(f"this run is no figure: the database has {found}, but published was {wanted}")
