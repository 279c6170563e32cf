"""A service on a private message bus that a test plays: it owns a name, answers calls and sends signals, on the test's own loop."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from axion_bus.buses.dbus.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

TIMEOUT_S = 10.0


class BusService(ABC):
    """Owns ``name`` on the bus at ``address`` while it is entered.

    ``calls`` has every call that came, as (member, arguments), ``callers`` who made them.
    """

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.name = name
        self.calls: list[tuple[str, list[Any]]] = []
        self.callers: list[str] = []
        self.is_silent = False
        self._link: Link | None = None
        self._pulse = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._link = await Link.open(self.address, take=self._take)
        await self._link.request_name(self.name)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        assert self._link is not None
        await self._link.close()

    @property
    def unique_name(self) -> str:
        """The name that the bus gave it."""
        assert self._link is not None
        return self._link.unique_name

    @abstractmethod
    def answer(self, call: Message) -> Message | None:
        """The reply to ``call``; None: none, yet."""

    async def emit(self, path: str, interface: str, member: str, signature: str, body: list[Any], *, to: str | None = None) -> None:
        """Send a signal to whoever listens; or ``to`` one client, whether it listens or not."""
        assert self._link is not None
        signal = Message.new_signal(path, interface, member, signature, body)
        signal.destination = to
        await self._link.send(signal)

    async def until(self, condition: Callable[[], Any], what: str = "what the test waits for") -> Any:
        """Wait, looking again with each call that comes, until ``condition`` holds; returns its value."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not (value := condition()):
                    self._pulse.clear()
                    await self._pulse.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} did not come about; calls were {self.calls}") from None
        return value

    def _take(self, message: Message) -> None:
        if message.message_type is not MessageType.METHOD_CALL:
            return
        self.calls.append((message.member, message.body))
        self.callers.append(message.sender)
        reply = None if self.is_silent else self.answer(message)
        if reply is not None and not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            assert self._link is not None
            self._link.send(reply)
        self._pulse.set()
