"""All figures as prometheus-client takes them: a collector of its own registry, asked at a scrape; it reads and never waits."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from axion_bus import __version__
from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel
from axion_bus.telemetry import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from prometheus_client.core import Metric

    from axion_bus.ports import Backlog, Clock, Publisher, Queue, Standing
    from axion_bus.telemetry.catalogue import Description
    from axion_bus.telemetry.figures import Figures, Spread
    from axion_bus.telemetry.surveyor import Sample, Surveyor

    Samples = Iterable[tuple[Sequence[str], float]]

_OTHER = "other"
_KNOWN = frozenset(map(str, Channel))


class Panel:
    """Reads ``figures``, the ``queue``, the ``buses`` by name, and what the ``surveyor`` has.

    ``channels`` are those in use; a message to any other that this program knows is shown when there is one.
    """

    def __init__(
        self,
        *,
        figures: Figures,
        queue: Queue,
        buses: Mapping[str, Publisher],
        channels: tuple[str, ...],
        surveyor: Surveyor,
        clock: Clock,
    ) -> None:
        self._figures = figures
        self._queue = queue
        self._buses = buses
        self._channels = channels
        self._surveyor = surveyor
        self._clock = clock

    def registry(self) -> CollectorRegistry:
        """A registry with this panel and what the operating system tells of the process."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(namespace="axion", registry=registry)  # node_exporter has names of its own without
        return registry

    def collect(self) -> Iterator[Metric]:
        """Every metric of the catalogue."""
        yield _gauge(catalogue.BUILD, [((__version__, platform.python_version()), 1)])
        yield from self._counted()
        yield from self._of_intake()
        yield _gauge(catalogue.CONNECTED, [((name,), bus.is_connected) for name, bus in self._buses.items()])
        connections = self._figures.connections
        yield _counter(catalogue.CONNECTIONS, [((name,), connections[name] + bus.connection) for name, bus in self._buses.items()])
        yield from self._of_database()

    def _counted(self) -> Iterator[Metric]:
        figures = self._figures
        yield _counter(catalogue.ALERTS, figures.alerts.items())
        yield _counter(catalogue.REQUESTS, _labelled(figures.requests))
        yield _counter(catalogue.REFUSED, _labelled(figures.refused))
        yield _histogram(catalogue.ACCEPTED_S, {(): figures.accepted_s})
        yield _histogram(catalogue.BATCH, {(): figures.batches})
        yield _counter(catalogue.SENDS, figures.sends.items())
        yield _histogram(catalogue.SENDS_S, {(channel,): spread for channel, spread in figures.sends_s.items()})
        yield _counter(catalogue.GAPS, _labelled(figures.gaps))
        yield _histogram(catalogue.TRANSACTIONS_S, {(): figures.transactions_s})
        yield _counter(catalogue.STORE_ERRORS, _labelled(figures.store_errors))

    def _of_intake(self) -> Iterator[Metric]:
        queue = self._queue
        yield _gauge(catalogue.INTAKE_MESSAGES, [((), queue.held)])
        yield _gauge(catalogue.INTAKE_BYTES, [((), queue.held_bytes)])
        yield _gauge(catalogue.INTAKE_PAUSED, [((), queue.is_paused)])
        yield _gauge(catalogue.INTAKE_LAG_S, [((), _age_s(queue.oldest_at, self._clock.now()))])

    def _of_database(self) -> Iterator[Metric]:
        sample, answered_at = self._surveyor.sample, self._surveyor.answered_at
        yield _gauge(catalogue.STORE_UP, [((), sample is not None)] if self._surveyor.has_asked else [])
        yield _gauge(catalogue.SAMPLED, [] if answered_at is None else [((), answered_at.timestamp())])
        yield _gauge(catalogue.INCIDENTS, [] if sample is None else _incidents(sample.standing))
        waiting = {} if sample is None else self._waiting(sample)
        yield _gauge(catalogue.PENDING, [((channel,), each.messages) for channel, each in waiting.items()])
        yield _gauge(catalogue.PENDING_S, [((channel,), each.oldest_s) for channel, each in waiting.items()])
        yield _gauge(catalogue.RELAY_LAG_S, [((channel,), each.lag_s) for channel, each in waiting.items()])

    def _waiting(self, sample: Sample) -> dict[str, _Waiting]:
        """By channel. Ages are those of then: what was sent since has none."""
        found = {channel: _Waiting() for channel in self._channels}
        for channel, backlog in sample.standing.backlogs.items():
            name = channel if channel in _KNOWN or channel in found else _OTHER
            found.setdefault(name, _Waiting()).add(backlog, sample.at)
        return found


@dataclass(slots=True)
class _Waiting:
    """What is to be sent on a channel."""

    messages: int = 0
    oldest_s: float = 0.0
    lag_s: float = 0.0

    def add(self, backlog: Backlog, now: datetime) -> None:
        self.messages += backlog.messages
        self.oldest_s = max(self.oldest_s, _age_s(backlog.queued_at, now))
        self.lag_s = max(self.lag_s, _age_s(backlog.due_at, now))


def _incidents(standing: Standing) -> Samples:
    return [((severity.name,), standing.open_incidents.get(severity.name, 0)) for severity in Severity]


def _age_s(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max((now - at).total_seconds(), 0.0)


def _labelled(counted: Mapping[str, int]) -> Samples:
    return [((name,), number) for name, number in counted.items()]


def _counter(described: Description, samples: Samples) -> Metric:
    family = CounterMetricFamily(described.name, described.help, labels=described.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _gauge(described: Description, samples: Samples) -> Metric:
    family = GaugeMetricFamily(described.name, described.help, labels=described.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _histogram(described: Description, spreads: Mapping[tuple[str, ...], Spread]) -> Metric:
    family = HistogramMetricFamily(described.name, described.help, labels=described.labels)
    for labels, spread in spreads.items():
        numbers = accumulate(spread.counts)
        buckets = [(bound, float(number)) for bound, number in zip((*map(str, spread.bounds), "+Inf"), numbers, strict=True)]
        family.add_metric(labels, buckets, spread.total)
    return family
