"""The daemon's service on its bus (``org.axion.Bus1``): what it tells goes to the board, what a person answers goes to it.

When it appears, after a reconnect and at the start it is asked for all open incidents, so nothing that was missed stays missed.
Only what comes from the owner of its name counts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from dbus_next.signature import Variant

from axion_bus.buses.dbus.link import BUS_NAME, DbusRefused, Link
from axion_bus.desktop import views
from axion_bus.desktop.asking import ask, owner_of
from axion_bus.desktop.notices import Answer
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbus_next.message import Message

    from axion_bus.desktop.board import Board

log = structlog.get_logger()

NAME = "org.axion.Bus1"
PATH = "/org/axion/Bus1"
MANAGER = f"{NAME}.Manager"
INCIDENT = f"{NAME}.Incident"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
INCIDENTS = f"{PATH}/incidents/"
MATCHES = (
    f"type='signal',sender='{BUS_NAME}',interface='{BUS_NAME}',member='NameOwnerChanged',arg0='{NAME}'",
    f"type='signal',sender='{NAME}',interface='{MANAGER}',path='{PATH}'",
    f"type='signal',sender='{NAME}',interface='{OBJECT_MANAGER}',path='{PATH}'",
)
AT_ONCE = 16
"""Answers of a person that may be under way."""
_ANSWER_S = 25.0
"""The daemon itself answers within 20 s, if only that it is busy."""
_ALL_S = 30.0
_AGAIN_S = 15.0


class Service:
    """Fills ``board`` and sets ``changed`` when it did; answers in the name of ``user``."""

    def __init__(self, board: Board, *, user: str, changed: asyncio.Event) -> None:
        self._board = board
        self._user = user
        self._changed = changed
        self._link: Link | None = None
        self._owner: str | None = None
        self._is_asked = self._is_owner_told = False
        self._wake = asyncio.Event()
        self._answers: asyncio.Queue[tuple[str, Answer]] = asyncio.Queue(AT_ONCE)

    async def stay(self, link: Link) -> None:
        """Listen on the daemon's bus until it ends."""
        self._link, self._owner, self._is_asked, self._is_owner_told = link, None, False, False
        link.ended.add_done_callback(lambda _reason: self._wake.set())
        for rule in MATCHES:
            await link.add_match(rule)
        owner = await owner_of(link, NAME)
        if not self._is_owner_told:  # what the bus told since is newer than its answer
            self._owner = owner
        if self._owner is None:
            log.info("daemon_away", bus_name=NAME)
        while not link.ended.done():
            self._wake.clear()
            await self._rest(None if await self._ask(link) else _AGAIN_S)

    async def _ask(self, link: Link) -> bool:
        """Ask for the open incidents, if that is due; False: without success."""
        if self._is_asked or self._owner is None:
            return True
        owner = self._owner
        self._board.ask()
        try:
            objects = await ask(link, dict, owner, PATH, OBJECT_MANAGER, "GetManagedObjects", timeout_s=_ALL_S)
        except (DbusRefused, BusUnavailable) as exc:
            log.warning("daemon_not_asked", error=str(exc))
            return False
        if owner == self._owner:
            found = _incidents(objects)
            self._board.answer(found)
            self._is_asked = True
            self._changed.set()
            log.info("daemon_asked", owner=owner, open_incidents=len(found))
        return True

    async def _rest(self, pause_s: float | None) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def take(self, message: Message) -> None:
        """A signal of the bus or of the daemon."""
        if message.sender == BUS_NAME and message.member == "NameOwnerChanged" and message.body[:1] == [NAME]:
            self._owner, self._is_asked, self._is_owner_told = message.body[2] or None, False, True
            log.info("daemon_here" if self._owner else "daemon_away", bus_name=NAME)
            self._wake.set()
        elif message.sender is not None and message.sender == self._owner:
            self._told(message)
            self._changed.set()

    def _told(self, message: Message) -> None:
        match message.member, message.signature, message.body:
            case "IncidentCreated" | "IncidentClosed", "sa{sv}", [_, fields]:
                self._tell(views.incident(_plain(fields)))
            case "IncidentChanged", "ssa{sv}", [_, event, fields]:
                self._tell(views.incident(_plain(fields)), event)
            case "InterfacesAdded", "oa{sa{sv}}", [_, interfaces]:
                self._tell(_incident_object(interfaces))
            case "InterfacesRemoved", "oas", [path, _]:
                self._board.gone(_guid(path))
            case "CommunicationRecorded", "sa{sv}", [reference, fields]:
                letter = views.letter(reference, _plain(fields))
                if letter is not None:
                    self._board.letter(letter)

    def _tell(self, view: views.IncidentView | None, event: str | None = None) -> None:
        if view is not None:
            self._board.told(view, event)

    def answer(self, guid: str, answer: Answer) -> None:
        """Have the daemon do what the person said; what comes of it is seen on the board."""
        try:
            self._answers.put_nowait((guid, answer))
        except asyncio.QueueFull:
            self._fail(guid, answer, "too much waits for the daemon already")

    async def carry_out(self) -> None:
        """Pass answers on, as they come, until this is cancelled."""
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as calls:
            while True:
                guid, answer = await self._answers.get()
                await places.acquire()
                calls.create_task(self._call(guid, answer), name=f"{answer} {guid}").add_done_callback(lambda _: places.release())

    async def _call(self, guid: str, answer: Answer) -> None:
        try:
            await self._call_object(guid, answer)
        except (DbusRefused, BusUnavailable) as exc:
            self._fail(guid, answer, exc.text or exc.name if isinstance(exc, DbusRefused) else str(exc))
        else:
            log.info("answered", incident=guid, answer=answer.value, by=self._user)

    async def _call_object(self, guid: str, answer: Answer) -> None:
        if self._link is None or self._owner is None:
            raise BusUnavailable("axion-bus is not on the bus")
        signature, arguments = self._arguments(answer)
        path = INCIDENTS + guid.replace("-", "")
        await self._link.call(self._owner, path, INCIDENT, answer.value.capitalize(), signature, arguments, timeout_s=_ANSWER_S)

    def _arguments(self, answer: Answer) -> tuple[str, list[Any]]:
        if answer is Answer.ACKNOWLEDGE:
            return "s", [self._user]
        return "sss", [f"Closed on the desktop of {self._user}", "", self._user]

    def _fail(self, guid: str, answer: Answer, why: str) -> None:
        log.warning("answer_failed", incident=guid, answer=answer.value, error=why)
        self._board.failed(guid, answer, why)
        self._changed.set()


def _incidents(objects: Mapping[str, Any]) -> list[views.IncidentView]:
    """The incidents among what has objects; what is not as it should be is left out."""
    interfaces = [each for each in objects.values() if isinstance(each, dict)]
    return [view for each in interfaces if (view := _incident_object(each)) is not None]


def _incident_object(interfaces: Mapping[str, Any]) -> views.IncidentView | None:
    properties = interfaces.get(INCIDENT)
    return views.incident_object(_plain(properties)) if isinstance(properties, dict) else None


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: variant.value for name, variant in fields.items() if isinstance(variant, Variant)}


def _guid(path: str) -> str:
    """The guid of the incident whose object is at ``path``; empty if it is none."""
    try:
        return str(UUID(hex=path.removeprefix(INCIDENTS)))
    except ValueError:
        return ""
