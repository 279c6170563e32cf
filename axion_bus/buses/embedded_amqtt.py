"""amqtt as the demo's broker, on this process's event loop. Imported only when it is chosen: it is an extra."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar

from amqtt.broker import Broker
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin

from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from amqtt.session import Session

    from axion_bus.buses.embedded import RunningBroker


class OpenToAll(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no types
    """Lets everybody in. Who gives a name has a session, who gives none is anonymous, and amqtt keeps nothing for them."""

    async def authenticate(self, *, session: Session) -> bool:
        """Yes."""
        session.is_anonymous = not session.username
        return True


class Amqtt:
    """A broker in Python: MQTT 3.1.1, everything in memory."""

    name: ClassVar[str] = "amqtt"
    protocol: ClassVar[int] = 4
    username: ClassVar[str | None] = "axion-bus"
    caveat: ClassVar[str | None] = (
        "a stand-in for mosquitto: MQTT 3.1.1 only, and what it has taken is lost when it ends; no delivery is promised"
    )

    @asynccontextmanager
    async def running(self, directory: Path, port: int) -> AsyncIterator[RunningBroker]:
        """As ``EmbeddedBroker.running``; it needs no files."""
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                "plugins": {f"{__name__}.{OpenToAll.__name__}": {}},
            }
        )
        try:
            await broker.start()
        except BrokerError as exc:
            raise BusUnavailable(f"amqtt cannot serve on port {port}: {exc.__cause__ or exc}") from exc
        try:
            yield _InProcess()
        finally:
            await broker.shutdown()


class _InProcess:
    async def watch(self) -> None:
        await asyncio.Event().wait()  # it does not end before we do
