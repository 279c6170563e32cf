"""Watching the daemon from outside: its events as anybody on the bus hears them, its decisions as its database has them.

A repeat changes no incident and so makes no event; that it was counted stands in the audit stream.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic_core import from_json

from axion_bus.buses.client import connect, leave, new_client
from axion_bus.cli.demo import screen
from axion_bus.domain.identity import Guids
from axion_bus.domain.topics import matches
from axion_bus.errors import BusUnavailable
from axion_bus.store.arrivals import arrivals_after
from axion_bus.store.sql import SqlStore, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from paho.mqtt.client import Client, MQTTMessage

    from axion_bus.config import Settings

_LOOK_EVERY_S = 0.1
_PAGE = 200
_MAX_HEARD = 10_000


class Watcher:
    """Shows what has happened since it was made, in order. ``store`` is only read."""

    def __init__(self, settings: Settings, store: SqlStore) -> None:
        base = settings.mqtt.base_topic
        self._events_topic, self._state_topic = f"{base}/events/#", f"{base}/instances/{settings.instance.name}/state"
        self._store = store
        self._events: deque[screen.Line] = deque(maxlen=_MAX_HEARD)
        self._is_online = False
        self._last = Guids(os.urandom)(datetime.now(UTC))  # guids rise with time: what comes in from now on is behind this one

    def attach(self, client: Client) -> None:
        """Listen through ``client``, whose thread calls us."""
        filters = [(self._events_topic, 0), (self._state_topic, 0)]

        def subscribe(client: Client, *_: object) -> None:
            client.subscribe(filters)

        client.on_connect = subscribe
        client.on_message = self._hear

    def _hear(self, _client: object, _data: object, message: MQTTMessage) -> None:
        if message.topic == self._state_topic:
            self._is_online = message.payload == b"online"
        elif matches(self._events_topic, message.topic):  # amqtt also sends retained messages that nobody subscribed to
            with suppress(KeyError, TypeError, ValueError, AttributeError):  # somebody else's, on our topics
                self._events.append(screen.of_event(from_json(message.payload)))

    async def online(self) -> None:
        """Wait until the daemon says that it is."""
        while not self._is_online:  # noqa: ASYNC110 - an asyncio.Event may not be set by the client's thread
            await asyncio.sleep(_LOOK_EVERY_S)

    async def open_incidents(self) -> int:
        """How many incidents are open."""
        return sum((await self._store.summary())["status"].values())

    async def show(self) -> None:
        """Show what happens, until cancelled."""
        while True:
            events = [self._events.popleft() for _ in range(len(self._events))]
            await self._show_arrivals()  # after the look at the events: what they tell of is then in the database, and goes first
            for event in events:
                screen.show(event)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _show_arrivals(self) -> None:
        while page := await self._store.write(lambda transaction: arrivals_after(transaction.connection, self._last, _PAGE)):
            for arrival in page:
                for line in screen.of_arrival(arrival):
                    screen.show(line)
            self._last = page[-1].guid


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Watcher]:
    """A watcher that hears the bus while the body runs, in a thread of paho's: the broker may be on this event loop.

    Raises:
        BusUnavailable: the broker takes no connection.

    """
    store = settings.store
    async with open_store(str(store.url), password=None, pool_size=1, timeout_s=store.timeout_s) as opened:
        watcher = Watcher(settings, opened)
        client = new_client(settings.mqtt, client_id="axion-bus-demo-screen", keeps_session=False)
        watcher.attach(client)
        try:
            await asyncio.to_thread(connect, client, settings.mqtt)
        except OSError as exc:
            raise BusUnavailable(f"cannot connect to the demo's broker, {settings.mqtt.url}: {exc.strerror or exc}") from exc
        client.loop_start()
        try:
            yield watcher
        finally:
            await asyncio.to_thread(leave, client)
