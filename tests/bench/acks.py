"""A paho client that receives and acknowledges, and nothing else: the ceiling of everything that reads MQTT with paho.

Run as a process, ``python -m tests.bench.acks PORT PROTOCOL TOPIC COUNT``; it says "ready", and "done" after COUNT messages.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike


async def main(port: int, protocol: int, topic: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    client = Client(CallbackAPIVersion.VERSION2, "bench-acks", protocol=MQTTProtocolVersion(protocol), manual_ack=True)
    left = count

    def on_message(_client: object, _data: object, message: MQTTMessage) -> None:
        nonlocal left
        client.ack(message.mid, message.qos)
        left -= 1
        if left == 0:
            say("done")

    def read() -> None:
        seen = None
        while seen != left:
            seen = left
            client.loop_read()

    def on_connect(*_: object) -> None:
        client.subscribe(topic, 1)

    def on_unregister_write(_client: object, _data: object, sock: SocketLike) -> None:
        loop.remove_writer(sock)

    client.on_message = on_message
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: say("ready")
    client.on_socket_register_write = lambda _client, _data, sock: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = on_unregister_write
    client.connect("127.0.0.1", port)
    sock = client.socket()
    assert sock is not None
    loop.add_reader(sock, read)
    await asyncio.Event().wait()


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
