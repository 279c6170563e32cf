"""A look at what a broker keeps for a client id, by a client of our own on a bare socket that acknowledges nothing."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos import wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Session:
    """``is_present``: the broker has a session; ``unacknowledged``: what it sends when its client is back."""

    is_present: bool
    unacknowledged: list[bytes]


def session_of(port: int, client_id: str, *, protocol: int = 5) -> Session:
    """The session of ``client_id``, whose owner must be away. It is as before afterwards, or there if it was not."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        # what is queued is sent before a later request is answered, so the answer marks its end
        connection.sendall(wire.connect(client_id, protocol=protocol) + wire.packet(wire.Kind.PINGREQ, b""))
        is_present, waiting = False, []
        for packet in _packets(connection):
            match packet.kind:
                case wire.Kind.CONNACK:
                    is_present = bool(packet.body[0] & 1)
                case wire.Kind.PUBLISH if (publish := wire.publish_of(packet, protocol)).mid is not None:
                    waiting.append(publish.payload)
                case wire.Kind.PINGRESP:
                    return Session(is_present, waiting)
    raise ConnectionError(f"the broker at port {port} ended the connection of {client_id}")


def _packets(connection: socket.socket) -> Iterator[wire.Packet]:
    packets = wire.Packets()
    while data := connection.recv(65536):
        yield from packets.feed(data)
