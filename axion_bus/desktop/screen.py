"""The notification server of the session (Desktop Notifications Specification 1.2), kept showing what the board has.

One thing is done at a time, and what it is is found out anew each time, so whatever a person, the daemon or a restarted server does
meanwhile is seen. Ids are the server's: with another server they mean nothing. Only what comes from the server itself counts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from dbus_next.signature import Variant

from axion_bus.buses.dbus.link import BUS_NAME, DbusRefused, Link
from axion_bus.desktop.asking import ask, owner_of
from axion_bus.desktop.notices import Answer, Notice, rendered
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbus_next.message import Message

    from axion_bus.desktop.board import Board

log = structlog.get_logger()

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
MATCHES = (
    f"type='signal',sender='{BUS_NAME}',interface='{BUS_NAME}',member='NameOwnerChanged',arg0='{NAME}'",
    f"type='signal',sender='{NAME}',interface='{NAME}',path='{PATH}'",
)
ANSWER_S = 10.0
"""How long a server may take for one call."""
AGAIN_S = 5.0
"""How long one that gave no answer is left alone."""
_ABSENT_AGAIN_S = 30.0  # the bus tells when one appears; this is for one that it might start


@dataclass(frozen=True, slots=True)
class _Shown:
    """``number`` 0: the server did not take it; it is offered again when it changes."""

    number: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class _Server:
    owner: str | None
    capabilities: frozenset[str]


class Screen:
    """Shows ``board``, whenever it has ``changed``; a button that is pressed goes to ``pressed``, with the incident's guid."""

    def __init__(
        self,
        board: Board,
        *,
        changed: asyncio.Event,
        pressed: Callable[[str, Answer], None],
        answer_s: float = ANSWER_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._board = board
        self._pressed = pressed
        self._answer_s = answer_s
        self._again_s = again_s
        self._changed = changed
        self._server: _Server | None = None
        self._changes_of_server = 0
        self._shown: dict[str, _Shown] = {}
        self._early: list[tuple[int, Callable[[str], None]]] = []
        self._is_leaving = False

    def leave(self) -> bool:
        """Withdraw everything and end; False: there is nothing that could be withdrawn."""
        self._is_leaving = True
        self._changed.set()
        return self._server is not None

    async def stay(self, link: Link) -> None:
        """Show on the session's bus until it ends, or until ``leave``."""
        self._forget_server()
        link.ended.add_done_callback(lambda _reason: self._changed.set())
        for rule in MATCHES:
            await link.add_match(rule)
        while not link.ended.done() and not self._is_leaving:
            self._changed.clear()
            await self._rest(await self._catch_up(link))
        await self._withdraw_all(link)

    async def _catch_up(self, link: Link) -> float | None:
        """Bring the screen up to date; how long to wait before trying again, None: until something changes."""
        try:
            server = self._server or await self._meet_server(link)
            while not self._is_leaving and await self._do_next(link, server):
                if self._server is not server:
                    return 0.0
        except DbusRefused as exc:
            log.info("no_notification_server", error=str(exc))
            return _ABSENT_AGAIN_S
        except BusUnavailable as exc:
            if not link.ended.done():
                log.warning("notification_server_silent", error=str(exc))
            return self._again_s
        return None

    async def _rest(self, pause_s: float | None) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _meet_server(self, link: Link) -> _Server:
        """Find out who it is and what it can do; the bus starts it, if it knows how."""
        while True:
            changes = self._changes_of_server
            capabilities = await ask(link, list, NAME, PATH, NAME, "GetCapabilities", timeout_s=self._answer_s)
            owner = await owner_of(link, NAME)
            if changes == self._changes_of_server:  # else the answers are perhaps of two
                break
        self._forget_server()
        self._server = _Server(owner, frozenset(map(str, capabilities)))
        log.info("notification_server", owner=owner, capabilities=sorted(self._server.capabilities))
        return self._server

    def _forget_server(self) -> None:
        self._server = None
        self._shown.clear()
        self._early.clear()

    async def _do_next(self, link: Link, server: _Server) -> bool:
        """Withdraw or show one; False: there was nothing to do."""
        wanted = self._board.notices()
        for key in self._shown:
            if key not in wanted:
                await self._withdraw(link, server, key)
                return True
        for key, notice in wanted.items():
            if key not in self._shown or self._shown[key].notice != notice:
                await self._show(link, server, key, notice)
                return True
        return False

    async def _withdraw(self, link: Link, server: _Server, key: str) -> None:
        shown = self._shown.pop(key)  # first: that it is closed now is not the person's doing
        try:
            await self._close(link, shown.number)
        except BusUnavailable:
            if self._server is server:
                self._shown[key] = shown
            raise

    async def _close(self, link: Link, number: int) -> None:
        if number:
            try:
                await link.call(NAME, PATH, NAME, "CloseNotification", "u", [number], timeout_s=self._answer_s)
            except DbusRefused as exc:  # it was gone already
                log.debug("not_withdrawn", number=number, error=str(exc))

    async def _show(self, link: Link, server: _Server, key: str, notice: Notice) -> None:
        self._early.clear()
        replaces = self._shown[key].number if key in self._shown else 0
        try:
            arguments = _arguments(notice, server, replaces)
            number = await ask(link, int, NAME, PATH, NAME, "Notify", "susssasa{sv}i", arguments, timeout_s=self._answer_s)
        except DbusRefused as exc:
            log.warning("notification_refused", error=str(exc))
            number = 0
        if self._server is server:
            self._shown[key] = _Shown(number, notice)
            for early, act in self._early:
                if early == number:
                    act(key)

    async def _withdraw_all(self, link: Link) -> None:
        """Buttons that nobody hears any more are not left behind."""
        try:
            for shown in list(self._shown.values()):
                await self._close(link, shown.number)
        except BusUnavailable as exc:
            log.info("notifications_left_behind", error=str(exc))

    def take(self, message: Message) -> None:
        """A signal of the bus or of the server."""
        if message.sender == BUS_NAME and message.member == "NameOwnerChanged" and message.body[:1] == [NAME]:
            self._changes_of_server += 1
            self._forget_server()
            self._changed.set()
        elif self._server is None or message.sender != self._server.owner:
            return
        elif (message.member, message.signature) == ("NotificationClosed", "uu"):
            self._happened(message.body[0], self._closed)
        elif (message.member, message.signature) == ("ActionInvoked", "us") and message.body[1] in list(Answer):
            self._happened(message.body[0], lambda key: self._answered(key, Answer(message.body[1])))

    def _happened(self, number: int, act: Callable[[str], None]) -> None:
        """Do it to what has ``number``; or, if that is not known yet, when it is."""
        key = next((key for key, shown in self._shown.items() if shown.number == number), None)
        if key is None:
            self._early = [*self._early[-15:], (number, act)]
        else:
            act(key)

    def _closed(self, key: str) -> None:
        self._shown.pop(key, None)
        self._board.put_away(key)
        self._changed.set()

    def _answered(self, key: str, answer: Answer) -> None:
        self._board.put_away(key)
        self._changed.set()
        self._pressed(key, answer)


def _arguments(notice: Notice, server: _Server, replaces: int) -> list[Any]:
    made = rendered(notice, server.capabilities)
    hints = {
        "urgency": Variant("y", made.urgency.value),
        "category": Variant("s", "x-axion.incident"),
        "desktop-entry": Variant("s", "axion-bus-desktop"),
    }
    return ["axion-bus", replaces, made.icon, made.summary, made.body, made.actions, hints, made.expire_ms]
