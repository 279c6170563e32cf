"""Who a sender is, and what it may. The bus vouches for both: for the sender's unique name, and for the user behind it.

A message waits until its sender is known, and those behind it wait with it, so that the order stays. Used by ``session``.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.buses.dbus.framing import length_of
from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused
from axion_bus.domain.communication import Fault
from axion_bus.errors import BusUnavailable
from axion_bus.formats import Malformed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection

    from dbus_next.message import Message

    from axion_bus.buses.dbus.link import Link

_KNOWN_SENDERS = 1024
_WAITING_MESSAGES = 5000
_WAITING_BYTES = 16 * 1024 * 1024
_ROWS_A_MINUTE = 60
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sender:
    """The program behind a unique name, as far as the bus could say; a program that is gone cannot be asked after."""

    name: str
    uid: int | None = None
    pid: int | None = None

    def told(self, known_as: str | None = None) -> dict[str, str | int]:
        """For the row's Metadata. ``known_as`` is the well-known name that it has to own."""
        facts: dict[str, Any] = {"name": known_as or self.name, "unique_name": self.name, "uid": self.uid, "pid": self.pid}
        return {name: fact for name, fact in facts.items() if fact is not None and (known_as or name != "unique_name")}


def refusal(sender: Sender, users: Collection[int] | None, asked: str) -> Malformed | None:
    """Why ``sender`` may not do what was ``asked``, which only ``users`` may; None: anyone may, or this one."""
    if users is None or sender.uid in users or sender.name == BUS_NAME:
        return None
    who = "a sender that is gone, so that its user cannot be found out," if sender.uid is None else f"user {sender.uid}"
    return Malformed(fault=Fault.ACCESS_DENIED, place="", detail=f"{asked}: {who} is not in allowed_uids")


class Door:
    """Lets messages in when their senders are known, in order. ``spawn`` runs a look-up; ``drop`` is told of one too many.

    What is called with a message must not raise.
    """

    def __init__(self, *, spawn: Callable[..., asyncio.Task[None]], drop: Callable[[Message], None]) -> None:
        self._spawn = spawn
        self._drop = drop
        self._known: OrderedDict[str, Sender] = OrderedDict({BUS_NAME: Sender(BUS_NAME)})
        self._asked: set[str] = set()
        self._waiting: deque[tuple[Message, Callable[[Message, Sender], None]]] = deque()
        self._waiting_bytes = 0

    def admit(self, link: Link, message: Message, then: Callable[[Message, Sender], None]) -> None:
        """Call ``then`` with ``message`` and its sender: now, or when it is known and its turn."""
        sender = self._known.get(message.sender)
        if sender is not None and not self._waiting:
            self._known.move_to_end(message.sender)
            then(message, sender)
        elif len(self._waiting) >= _WAITING_MESSAGES or self._waiting_bytes >= _WAITING_BYTES:
            self._drop(message)
        else:
            self._waiting.append((message, then))
            self._waiting_bytes += length_of(message)
            self._ask(link, message.sender)

    def _ask(self, link: Link, name: str) -> None:
        if name not in self._known and name not in self._asked:
            self._asked.add(name)
            self._spawn(self._find(link, name), name=f"sender {name}")

    async def _find(self, link: Link, name: str) -> None:
        sender = await identify(link, name)
        self._asked.discard(name)
        self._known[name] = sender
        self._let_in()
        while len(self._known) > _KNOWN_SENDERS:
            self._known.popitem(last=False)

    def _let_in(self) -> None:
        while self._waiting and (sender := self._known.get(self._waiting[0][0].sender)) is not None:
            message, then = self._waiting.popleft()
            self._waiting_bytes -= length_of(message)
            then(message, sender)


async def identify(link: Link, name: str) -> Sender:
    """Ask the bus who ``name`` is. Never raises: who cannot be found out is a sender without user."""
    try:
        (facts,) = await link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetConnectionCredentials", "s", [name], timeout_s=15)
    except (BusUnavailable, DbusRefused):
        return Sender(name)
    uid, pid = facts.get("UnixUserID"), facts.get("ProcessID")
    return Sender(name, None if uid is None else uid.value, None if pid is None else pid.value)


class Ration:
    """How many refusals are recorded: so many a minute, and of the rest their number."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._count = 0
        self._left_out = 0

    def take(self, refused: Malformed, now_s: float) -> Malformed | None:
        """``refused`` as it is to be recorded; None: it is only counted."""
        if self._began_at is None or now_s - self._began_at >= _MINUTE_S:
            self._began_at, self._count = now_s, 0
        if self._count >= _ROWS_A_MINUTE:
            self._left_out += 1
            return None
        self._count += 1
        left_out, self._left_out = self._left_out, 0
        if not left_out:
            return refused
        detail = f"{refused.detail}; {left_out} more were refused before it, and are only counted"
        return Malformed(fault=refused.fault, place=refused.place, detail=detail)

    def rest(self, now_s: float) -> Malformed | None:
        """What tells of those only counted, once the minute is over; None: there are none."""
        if not self._left_out or self._began_at is None or now_s - self._began_at < _MINUTE_S:
            return None
        left_out, self._left_out = self._left_out, 0
        return Malformed(fault=Fault.ACCESS_DENIED, place="", detail=f"{left_out} more were refused, and are only counted")
