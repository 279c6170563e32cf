"""A stand-in for the daemon's service ``org.axion.Bus1``, for what the daemon itself never does: refusals, silence, odd timing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbus_next.message import Message
from dbus_next.signature import Variant

from tests.servers.bus_service import BusService

if TYPE_CHECKING:
    from axion_bus.desktop.views import IncidentView

NAME = "org.axion.Bus1"
PATH = "/org/axion/Bus1"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
_MESSAGE = {"channel": "DBUS", "direction": "OUTBOUND", "recipient": "desktop"}


class Bus1(BusService):
    """Has the incidents ``opened``; ``refusal`` is what it answers to people (an error's name), None: it does what they say."""

    def __init__(self, address: str, *opened: IncidentView) -> None:
        super().__init__(address, NAME)
        self.opened = {each.guid: each for each in opened}
        self.refusal: str | None = None

    @property
    def asked(self) -> list[tuple[str, list[Any]]]:
        """What people wanted, without the questions for all incidents."""
        return [(member, body) for member, body in self.calls if member != "GetManagedObjects"]

    def answer(self, call: Message) -> Message | None:
        if (call.member, call.interface, call.path) == ("GetManagedObjects", OBJECT_MANAGER, PATH):
            objects = {_path(each.guid): {f"{NAME}.Incident": _properties(each)} for each in self.opened.values()}
            return Message.new_method_return(call, "a{oa{sa{sv}}}", [objects])
        is_known = call.path in map(_path, self.opened)
        signatures = {"Acknowledge": "s", "Close": "sss"}
        if not is_known or call.interface != f"{NAME}.Incident" or signatures.get(call.member) != call.signature:
            return Message.new_error(call, f"{NAME}.Error.NotFound", "there is no such incident")
        if self.refusal is not None:
            return Message.new_error(call, self.refusal, "that is not to be")
        return Message.new_method_return(call)

    async def created(self, view: IncidentView) -> None:
        """An incident is opened."""
        await self._tell("IncidentCreated", view)

    async def changed(self, view: IncidentView, event: str = "status-changed") -> None:
        """An incident changes."""
        await self._tell("IncidentChanged", view, event)

    async def closed(self, view: IncidentView) -> None:
        """An incident is closed."""
        await self._tell("IncidentClosed", view)

    async def _tell(self, member: str, view: IncidentView, *event: str) -> None:
        signature = "ssa{sv}" if event else "sa{sv}"
        await self.emit(PATH, f"{NAME}.Manager", member, signature, [view.guid, *event, _fields(view)])

    async def added(self, view: IncidentView) -> None:
        """An object appears."""
        interfaces = {f"{NAME}.Incident": _properties(view)}
        await self.emit(PATH, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [_path(view.guid), interfaces])

    async def removed(self, guid: str) -> None:
        """An object goes."""
        await self.emit(PATH, OBJECT_MANAGER, "InterfacesRemoved", "oas", [_path(guid), [f"{NAME}.Incident"]])

    async def recorded(self, **fields: str) -> None:
        """A message to people is sent."""
        told = {name: Variant("s", value) for name, value in {**_MESSAGE, **fields}.items()}
        await self.emit(PATH, f"{NAME}.Manager", "CommunicationRecorded", "sa{sv}", ["REF-20260101-AAA", told])


def _path(guid: str) -> str:
    return f"{PATH}/incidents/{guid.replace('-', '')}"


def _fields(view: IncidentView) -> dict[str, Variant]:
    return {
        "incident_guid": Variant("s", view.guid),
        "version": Variant("x", view.version),
        "title": Variant("s", view.title),
        "severity": Variant("s", view.severity.name),
        "status": Variant("s", view.status.value),
        "package": Variant("s", view.package),
        "description": Variant("s", view.description),
        "created_at": Variant("s", view.created_at),
    }


def _properties(view: IncidentView) -> dict[str, Variant]:
    return {"".join(word.capitalize() for word in name.split("_")): value for name, value in _fields(view).items()}
