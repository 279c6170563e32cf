"""A notification server as the Desktop Notifications Specification 1.2 has it, and a person who looks, clicks and puts away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbus_next.message import Message

from tests.servers.bus_service import BusService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
EVERYTHING = ("actions", "body", "body-markup", "persistence")
DISMISSED, CLOSED_BY_CALL = 2, 3


@dataclass(frozen=True, slots=True)
class Seen:
    """A notification that is on the screen."""

    number: int
    summary: str
    body: str
    actions: tuple[str, ...]
    urgency: int
    expire_ms: int
    icon: str


class NotificationServer(BusService):
    """``seen`` is what is on the screen, by number; ``numbers`` every number that was ever given, in order.

    ``refuses`` says which summaries it does not take.
    """

    def __init__(self, address: str, *, capabilities: Sequence[str] = EVERYTHING, first: int = 1) -> None:
        super().__init__(address, NAME)
        self.capabilities = list(capabilities)
        self.seen: dict[int, Seen] = {}
        self.numbers: list[int] = []
        self.most = 0
        self.refuses: Callable[[str], bool] = lambda _summary: False
        self._next = first

    @property
    def summaries(self) -> list[str]:
        """What a person reads first, in order of appearance."""
        return [each.summary for each in self.seen.values()]

    @property
    def only(self) -> Seen:
        """The one notification that is on the screen."""
        (one,) = self.seen.values()
        return one

    def answer(self, call: Message) -> Message | None:
        match call.member, call.signature:
            case "GetCapabilities", "":
                return Message.new_method_return(call, "as", [self.capabilities])
            case "Notify", "susssasa{sv}i" if not self.refuses(call.body[3]):
                return Message.new_method_return(call, "u", [self._show(call.body)])
            case "CloseNotification", "u" if call.body[0] in self.seen:
                self._close(call.body[0], CLOSED_BY_CALL)
                return Message.new_method_return(call)
        return Message.new_error(call, "org.freedesktop.DBus.Error.Failed", "no")

    def _show(self, arguments: list[Any]) -> int:
        _, replaces, icon, summary, body, actions, hints, expire_ms = arguments
        number: int = replaces or self._next
        self._next += not replaces
        urgency = hints["urgency"]
        assert urgency.signature == "y", "the specification wants a byte"
        self.seen[number] = Seen(number, summary, body, tuple(actions), urgency.value, expire_ms, icon)
        self.numbers.append(number)
        self.most = max(self.most, len(self.seen))
        return number

    def _close(self, number: int, reason: int) -> None:
        del self.seen[number]
        self._tell("NotificationClosed", "uu", [number, reason])

    def _tell(self, member: str, signature: str, body: list[Any]) -> None:
        assert self._link is not None
        self._link.send(Message.new_signal(PATH, NAME, member, signature, body))

    def click(self, number: int, action: str, *, closes: bool = True) -> None:
        """The person presses a button, which closes the notification with most servers."""
        assert action in self.seen[number].actions, f"there is no button {action}"
        self._tell("ActionInvoked", "us", [number, action])
        if closes:
            self._close(number, DISMISSED)

    def put_away(self, number: int) -> None:
        """The person has seen enough of it."""
        self._close(number, DISMISSED)
