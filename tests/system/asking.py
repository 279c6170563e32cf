"""Asking the daemon over MQTT with the stock clients, as a script of a user's would."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

from tests.events import is_event, read_event
from tests.servers import wait_until
from tests.servers.process import find_program

if TYPE_CHECKING:
    from types import TracebackType

    from tests.servers import Mosquitto

Json = dict[str, Any]
WAIT_S = "20"


def text_of(body: object) -> str:
    """What is published for ``body``: a text as it is, anything else as JSON."""
    return body if isinstance(body, str) else json.dumps(body)


def ask(broker: Mosquitto, base_topic: str, verb: str, body: object = "", *options: str, answer_topic: str | None = None) -> Json:
    """The answer to a command, by mosquitto_rr: MQTT 5, with a response topic and correlation data."""
    command = [
        find_program("mosquitto_rr", "mosquitto-clients"), "-p", str(broker.port), "-q", "1", "-W", WAIT_S, "-t",
        f"{base_topic}/request/{verb}", "-e", answer_topic or f"{base_topic}/answers/{verb}", "-m", text_of(body), *options,
    ]  # fmt: skip
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def publish(broker: Mosquitto, topic: str, body: object, *options: str) -> None:
    """Publish one message by mosquitto_pub, at QoS 1; an empty text is no payload at all."""
    command = [find_program("mosquitto_pub", "mosquitto-clients"), "-p", str(broker.port), "-q", "1", "-t", topic]
    subprocess.run([*command, "-s" if body else "-n", *options], check=True, input=text_of(body).encode())


class Listener:
    """What mosquitto_sub prints; a context manager. ``options`` may choose another version of MQTT.

    stdbuf: what it says of its subscription is not flushed.
    """

    def __init__(self, broker: Mosquitto, topic: str, *options: str) -> None:
        program = find_program("mosquitto_sub", "mosquitto-clients")
        self._command = ["stdbuf", "-oL", program, "-p", str(broker.port), "-q", "1", "-t", topic, "-F", "%t\t%p", "-d", *options]
        self._has_bodies = "-F" not in options
        self._lines: list[str] = []
        self._is_subscribed = threading.Event()

    @property
    def messages(self) -> list[tuple[str, Json]]:
        """Topics and bodies, as JSON, in order; an event that another program could not read fails the test."""
        lines = [line.partition("\t") for line in self._lines]
        return [(topic, self._read(topic, body)) for topic, _, body in lines]

    @property
    def topics(self) -> list[str]:
        """The topics only."""
        return [topic for topic, _ in self.messages]

    def wait_for(self, number: int) -> list[tuple[str, Json]]:
        """The first ``number`` messages, once they have come."""
        wait_until(lambda: len(self._lines) >= number, lambda: f"{number} messages; came: {self.topics}")
        return self.messages[:number]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._thread = threading.Thread(target=self._collect, name="mosquitto_sub", daemon=True)
        self._thread.start()
        assert self._is_subscribed.wait(20), "mosquitto_sub did not subscribe"
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _read(self, topic: str, body: str) -> Json:
        return read_event(body.encode()) if self._has_bodies and is_event(topic) else json.loads(body)

    def _collect(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if "received SUBACK" in line:
                    self._is_subscribed.set()
                elif "\t" in line and not line.startswith("Client "):
                    self._lines.append(line.rstrip("\n"))
