"""The publisher and the subscribers of the measurements: mosquitto's own clients, which cost little beside the daemon.

And one publisher in Python that keeps a pace, for the latency.
"""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from axion_bus.buses.client import leave
from tests.servers.process import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers import Mosquitto

QUIET_LIMIT_S = 300.0
"""How long a measurement may take before it is given up."""


class Subscription:
    """A subscription with a session of its own, which exists from now on: nothing that is published later escapes it."""

    def __init__(self, broker: Mosquitto, topic: str) -> None:
        self._command = [
            find_program("mosquitto_sub", "mosquitto-clients"),
            *("-p", str(broker.port), "-q", "1", "-c", "-i", "bench-subscriber", "-t", topic),
        ]
        subprocess.run([*self._command, "-E"], check=True, timeout=QUIET_LIMIT_S)

    @contextmanager
    def receiving(self, count: int, into: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Receive ``count`` messages, each as a line of ``into`` (when it came in seconds, its payload); ends by itself then."""
        with into.open("wb") as file:
            command = [*self._command, "-C", str(count), "-F", "%U %p"]
            process = subprocess.Popen(command, stdout=file)
            try:
                yield process
            finally:
                process.kill()
                process.wait()


def received(file: Path) -> list[tuple[float, bytes]]:
    """What a Subscription wrote into ``file``: when each message came, and its payload."""
    lines = (line.split(b" ", 1) for line in file.read_bytes().splitlines())
    return [(float(at), payload) for at, payload in lines]


def wait_for_message(broker: Mosquitto, topic: str) -> None:
    """Wait until ``topic`` has a retained message."""
    program = find_program("mosquitto_sub", "mosquitto-clients")
    command = [program, "-p", str(broker.port), "-t", topic, "-C", "1"]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)


@contextmanager
def publishing(broker: Mosquitto, topic: str, lines: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Publish each line of ``lines`` at QoS 1, in order, as fast as the broker takes it."""
    program = find_program("mosquitto_pub", "mosquitto-clients")
    command = [program, "-p", str(broker.port), "-q", "1", "-t", topic, "-l"]
    with lines.open("rb") as file:
        process = subprocess.Popen(command, stdin=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def publish_at_pace(broker: Mosquitto, topic: str, payloads: Sequence[bytes], every_s: float) -> list[float]:
    """Publish ``payloads`` at QoS 1, one after another at their times; when each was handed over, by the time of day."""
    connected = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-publisher")
    client.on_connect = lambda *_: connected.set()
    client.max_inflight_messages_set(0)  # however far behind the broker is, what is due is sent
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    connected.wait(QUIET_LIMIT_S)  # paho loses count of what it sends before
    begun = time.perf_counter()
    sent = []
    for number, payload in enumerate(payloads):
        time.sleep(max(0.0, begun + number * every_s - time.perf_counter()))
        sent.append(time.time())
        info = client.publish(topic, payload, qos=1)
    info.wait_for_publish(QUIET_LIMIT_S)
    leave(client)
    return sent
