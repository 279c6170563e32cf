"""An opened incident manager: the store, the outbox, and one transaction for each verb. ``manager`` gives it the guide's face."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from axion_bus.manager import arguments as a
from axion_bus.manager.people import new_outbox
from axion_bus.manager.post import Post
from axion_bus.manager.verbs import Work
from axion_bus.pipeline.clock import SystemClock
from axion_bus.store.migrate import prepare
from axion_bus.store.sql import SqlStore, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.config import Settings
    from axion_bus.pipeline.outbox import Outbox
    from axion_bus.ports import Clock, Transaction

T = TypeVar("T")
A = TypeVar("A", bound=a.Arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every call works with."""

    settings: Settings
    store: SqlStore
    outbox: Outbox
    post: Post
    clock: Clock

    async def act(self, kind: type[A], given: Mapping[str, Any], verb: Callable[[Work, A], Awaitable[T]]) -> T:
        """Check ``given``, then run ``verb`` in one transaction; again, whole, when it loses a race."""
        checked = a.check(kind, given)

        async def work(transaction: Transaction) -> T:
            return await verb(Work(transaction=transaction, outbox=self.outbox, now=self.clock.now()), checked)

        return await self.store.write(work)

    async def look(self, verb: Callable[[Work], Awaitable[T]]) -> T:
        """Run ``verb``, which writes nothing, in a transaction of its own."""

        async def work(transaction: Transaction) -> T:
            return await verb(Work(transaction=transaction, outbox=self.outbox, now=self.clock.now()))

        return await self.store.write(work)

    async def read(self, query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Ask one of the store's questions."""
        return await self.store.read(query)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Session]:
    """A session on the database of ``settings``, which is set up first if it is empty or embedded.

    Raises:
        SchemaError: the database's schema does not fit this program.
        StoreUnavailable: it cannot be reached.

    """
    store = settings.store
    password = store.password.reveal() if store.password else None
    clock = SystemClock()
    async with open_store(str(store.url), password=password, pool_size=store.pool_size, timeout_s=store.timeout_s) as opened_store:
        await prepare(opened_store.engine)
        outbox = new_outbox(settings)
        post = Post(opened_store, outbox, settings, clock)
        try:
            yield Session(settings=settings, store=opened_store, outbox=outbox, post=post, clock=clock)
        finally:
            await post.close()
