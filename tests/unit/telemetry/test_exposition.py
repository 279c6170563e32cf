"""How often the text is written anew."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from axion_bus.telemetry.exposition import Exposition


class Looks:
    """A collector that counts how often it was asked."""

    def __init__(self):
        self.number = 0

    def collect(self):
        self.number += 1
        yield GaugeMetricFamily("looks", "how often", value=self.number)


def test_whoever_asks_again_at_once_gets_the_same_text():
    looks, now_s = Looks(), [0.0]
    registry = CollectorRegistry()
    registry.register(looks)
    exposition = Exposition(registry, lambda: now_s[0])

    texts = []
    for now_s[0] in (0.0, 0.4, 0.5, 0.9, 1.1):
        texts.append(exposition.text())

    assert [1, 1, 2, 2, 3] == [int(float(text.split()[-1])) for text in texts]
