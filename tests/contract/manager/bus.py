"""Commands and replies as the pipeline carries them out, on a database that a module's tests share: they keep apart by guid."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from axion_bus.config import parse
from axion_bus.daemon.build import requests
from axion_bus.manager.people import new_outbox
from axion_bus.ports import Attributes
from axion_bus.store import queries
from axion_bus.store.migrate import prepare
from axion_bus.store.sql import open_store
from tests.chaos.ledger import query
from tests.fakes import FakeBus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from axion_bus.domain.communication import Communication
    from axion_bus.ports import Received
    from axion_bus.store.sql import SqlStore

Json = dict[str, Any]

ON_SQLITE = pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True, scope="module")
"""For what the kind of database has no part in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one message: its row, the row of its answer, if there is one, and all that the database says of them."""

    row: Json
    answer_row: Json | None

    @property
    def answer(self) -> Json:
        """The answer's JSON."""
        assert self.answer_row is not None
        return json.loads(self.answer_row["Message"])

    @property
    def data(self) -> Any:
        """What was answered, which was no error."""
        assert self.answer["status"] == "ok", self.answer
        return self.answer["data"]

    @property
    def error(self) -> Json:
        """The error that was answered."""
        assert self.answer["status"] == "error", self.answer
        return self.answer["error"]

    @property
    def reason(self) -> str:
        """The named reason in the message's own row."""
        return self.row["Metadata"]["reason"]


class BusDesk:
    """Where commands and replies arrive; ``settings`` are those of a daemon, but for the store."""

    def __init__(self, store: SqlStore, url: str, settings: Json) -> None:
        self.store = store
        self.url = url
        found = parse({"instance": {"name": "test"}, **settings})
        self.outbox = new_outbox(found)
        self.requests = requests(found, self.outbox)
        self._bus = FakeBus()

    async def ask(self, verb: str, arguments: object = None, **given: Any) -> Asked:
        """A command; ``arguments`` are its body, bytes as they are. ``given`` as for ``take``."""
        return await self.take(f"axion/request/{verb}", {} if arguments is None else arguments, **given)

    async def hear(self, channel: str, said: object, **given: Any) -> Asked:
        """A person's reply."""
        return await self.take(f"axion/inbound/{channel}", said, **given)

    async def take(
        self, topic: str, body: object, *, later: timedelta = timedelta(0), attributes: Json | None = None, **given: Any
    ) -> Asked:
        """A message on ``topic``, dealt with so much ``later``; what a bus tells beside its bytes is ``given``."""
        received = self.message(topic, body, **(attributes or {}), **given)
        now = received.received_at + later
        assert self.requests.wants(received)
        guid = self.outbox.new_guid(now)
        rows = (await self.store.write(lambda transaction: self.requests.answer(transaction, received, guid, now))).rows
        assert rows[0].guid == guid
        return Asked(await self._stored(rows[0]), await self._stored(rows[1]) if len(rows) > 1 else None)

    def message(self, topic: str, body: object, **given: Any) -> Received:
        """A message as a bus delivers it now; what MQTT 5 tells beside its bytes is ``given``, too."""
        told = {name: given.pop(name) for name in ("response_topic", "correlation", "expires_s") if name in given}
        found = Attributes(**told) if told else None
        return self._bus.message(body, address=topic, attributes=found, received_at=datetime.now(UTC), **given)

    async def an_incident(self, **given: Any) -> str:
        """The guid of a new incident."""
        asked = await self.ask("create-incident", {"title": "Disk full", "severity": "HIGH", "package": "P", **given})
        return asked.data["incident_guid"]

    async def incident(self, guid: str) -> Json:
        """The incident as the database has it."""
        return await self.store.read(lambda connection: queries.incident_row(connection, guid))

    async def kinds(self, guid: str) -> list[str]:
        """The incident's timeline, in order."""
        rows = await self.store.read(lambda connection: queries.timeline_rows(connection, guid))
        return [row["EventType"] for row in rows]

    def events(self, guid: str) -> list[str]:
        """The topics of what was queued for the bus about an incident, in order of its sequence."""
        sql = "SELECT Recipient FROM data_incident_communication WHERE IncidentGuid = %s AND Sequence IS NOT NULL ORDER BY Sequence"
        return [row["Recipient"].removeprefix("axion/events/") for row in query(self.url, sql, guid)]

    async def _stored(self, row: Communication) -> Json:
        found = await self.store.read(lambda connection: queries.communication_row(connection, row.short_ref))
        assert found is not None
        (raw,) = query(self.url, "SELECT Raw, IngestKey FROM data_incident_communication WHERE CommunicationGuid = %s", row.guid)
        return {**found, **raw}


@asynccontextmanager
async def opened(url: str, settings: Json) -> AsyncIterator[BusDesk]:
    """A desk on the database ``url``, which is set up already."""
    async with open_store(url, password=None, pool_size=2, timeout_s=10) as store:
        yield BusDesk(store, url, settings)


def set_up(url: str) -> str:
    """``url``, with its tables."""

    async def make() -> None:
        async with open_store(url, password=None, pool_size=1, timeout_s=10) as store:
            await prepare(store.engine)

    asyncio.run(make())
    return url


def correlation_of(row: Json) -> bytes:
    """The correlation data that an answer carries."""
    return b64decode(row["Metadata"]["correlation"])
