"""An observer between a daemon and its broker: it reads what passes, and asks the database at the moment of each PUBACK.

What it finds wrong is a sentence in ``faults``. It works in the proxy's thread, so nothing passes while it looks.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING

import pymysql

from tests.chaos import ledger, wire
from tests.chaos.wire import Kind, Packet, Packets

if TYPE_CHECKING:
    from collections.abc import Collection


class Witness:
    """Makes an observer for each connection. ``acked`` are the ids of the alerts that the daemon acknowledged, in order.

    ``store`` is the URL of the database that is asked; None: nobody is asked.
    """

    def __init__(self, store: str | None = None) -> None:
        self.store = store
        self.faults: list[str] = []
        self.acked: list[str] = []
        self._unseen: set[str] = set()
        self.connections: list[Watched] = []

    def __call__(self) -> Watched:
        """The observer of the next connection."""
        self.connections.append(Watched(self, len(self.connections) + 1))
        return self.connections[-1]

    def look(self, acked: Collection[str]) -> None:
        """Ask whether ``acked``, which are being acknowledged, are in the database; ``look_again`` for those that it does not tell.

        It may be killed between a commit and its acknowledgement.
        """
        if self.store is None or not acked:
            return
        places = ", ".join(["%s"] * len(acked))
        asked = f"SELECT ExternalId AS id FROM data_incident_communication WHERE ExternalId IN ({places})"
        try:
            found = {row["id"] for row in ledger.query(self.store, asked, *acked)}
        except pymysql.err.OperationalError:
            self._unseen.update(acked)
            return
        if missing := set(acked) - found:
            self.faults.append(f"acknowledged before it was committed: {sorted(missing)[:5]} of {len(acked)}")

    def look_again(self) -> None:
        """Ask, now that the database is there, about those that it could not tell of when they were acknowledged."""
        unseen, self._unseen = self._unseen, set()
        self.look(unseen)
        assert not self._unseen, "the database is still away"


class Watched:
    """One connection. What the daemon acknowledges must have been sent to it on this one, and in this order (MQTT 5 4.6)."""

    def __init__(self, witness: Witness, number: int) -> None:
        self._witness = witness
        self._number = number
        self._protocol = 5
        self._up, self._down = Packets(), Packets()
        self._due: deque[tuple[int, list[str]]] = deque()

    def upstream(self, data: bytes) -> None:
        """From the daemon."""
        acked: list[str] = []
        for packet in self._up.feed(data):
            if packet.kind == Kind.CONNECT:
                self._protocol = wire.protocol_of(packet)
            elif packet.kind == Kind.PUBACK:
                acked += self._acknowledged(wire.mid_of(packet))
        self._witness.look(acked)
        self._witness.acked += acked

    def downstream(self, data: bytes) -> None:
        """From the broker."""
        for packet in self._down.feed(data):
            if packet.kind == Kind.PUBLISH:
                self._sent(packet)

    def _sent(self, packet: Packet) -> None:
        message = wire.publish_of(packet, self._protocol)
        if message.mid is not None:
            self._due.append((message.mid, _ids(message.payload)))

    def _acknowledged(self, mid: int) -> list[str]:
        if mid not in (due for due, _ in self._due):
            self._witness.faults.append(f"message {mid} acknowledged on connection {self._number}, which did not bring it")
            return []
        if self._due[0][0] != mid:
            self._witness.faults.append(f"message {mid} acknowledged out of order: {self._due[0][0]} was before it")
        found = next(each for each in self._due if each[0] == mid)
        self._due.remove(found)
        return found[1]


def _ids(payload: bytes) -> list[str]:
    """The ids of the alerts in a message of ours."""
    try:
        found = json.loads(payload)
    except ValueError:
        return []
    return [alert["id"] for alert in (found if isinstance(found, list) else [found]) if isinstance(alert, dict) and "id" in alert]
