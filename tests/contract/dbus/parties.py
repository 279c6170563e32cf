"""Links for tests: each remembers what it took, answers calls as it is told to, and is closed with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dbus_next.constants import MessageType
from dbus_next.message import Message

from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

INTERFACE = "org.example.Boiler"
PATH = "/org/example/Boiler"


class Party:
    """A link that remembers the ``signals`` and ``calls`` it took; ``answer`` makes the reply to a call, None: none."""

    link: Link

    def __init__(self) -> None:
        self.signals: list[Message] = []
        self.calls: list[Message] = []
        self.answer: Callable[[Message], Message | None] = lambda _call: None

    @property
    def bodies(self) -> list[list[Any]]:
        """The arguments of the signals of INTERFACE that it took."""
        return [signal.body for signal in self.signals if signal.interface == INTERFACE]

    def take(self, message: Message) -> None:
        """What its link takes."""
        if message.message_type is MessageType.SIGNAL:
            self.signals.append(message)
            return
        self.calls.append(message)
        reply = self.answer(message)
        if reply is not None:
            self.link.send(reply)

    async def hear(self, rule: str = f"type='signal',interface='{INTERFACE}'") -> None:
        """Ask for signals."""
        await self.link.add_match(rule)

    async def emit(self, *body: Any, member: str = "Overheated", signature: str | None = None) -> None:
        """Emit a signal of INTERFACE and wait until it is written."""
        await self.link.send(signal(*body, member=member, signature=signature))

    async def ping(self) -> None:
        """Wait until the bus has worked off what was sent before."""
        await self.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetId")


class Parties:
    """Makes parties on the bus at ``address``, and closes their links."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.links: list[Link] = []

    async def join(self, **options: Any) -> Party:
        """One more."""
        party = Party()
        party.link = await Link.open(self.address, take=party.take, **options)
        self.links.append(party.link)
        return party

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        for link in self.links:
            await link.close()


def signal(*body: Any, member: str = "Overheated", signature: str | None = None, path: str = PATH) -> Message:
    """A signal of INTERFACE; its arguments are strings unless ``signature`` says otherwise."""
    return Message.new_signal(path, INTERFACE, member, "s" * len(body) if signature is None else signature, list(body))
