"""The objects of the open incidents as D-Bus shows them, and the signals of their coming, changing and going.

A projection of the database for one bus, made of its events by the relay and made anew after each connection. ``service`` answers
questions from it. Holds no message and no connection.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Protocol

from dbus_next.message import Message
from dbus_next.signature import Variant
from pydantic_core import from_json, to_json

from axion_bus.buses.dbus.interfaces import INCIDENT, INCIDENT_INTERFACE, INCIDENTS, MANAGER, OBJECT_MANAGER, PROPERTIES, ROOT
from axion_bus.buses.dbus.values import variant
from axion_bus.domain.incident import IncidentStatus
from axion_bus.errors import BusUnavailable
from axion_bus.formats.events import incident_view

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from axion_bus.domain.incident import Incident
    from axion_bus.ports import Outgoing, Store

Properties = dict[str, Variant]
Values = tuple[Any, ...]
"""What an incident's properties have, in their order: there may be very many incidents, and a variant takes much room."""

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_PAGE = 100
_SHOWN_CHARACTERS = 4096
_FIELDS = INCIDENT_INTERFACE.properties
_KEYS = [_CAPITAL.sub("_", each.name).lower() for each in _FIELDS]
_VERSION = _KEYS.index("version")


def path_of(guid: str) -> str:
    """The path of an incident's object."""
    return f"{INCIDENTS}/{guid.replace('-', '')}"


class Carrier(Protocol):
    """The bus, as far as it is needed to tell something: ``connection`` is the number of the connection, 0 before the first."""

    @property
    def connection(self) -> int:
        """Another one after each reconnection."""
        ...

    def send(self, message: Message) -> asyncio.Future[None]:
        """Send; the future ends when the socket has it, or with BusUnavailable."""
        ...


class Tree:
    """Implements ``ports.Projection`` on ``bus``. ``version`` and ``instance`` are the program's and the daemon's."""

    def __init__(self, *, store: Store, bus: Carrier, version: str, instance: str) -> None:
        self._store = store
        self._bus = bus
        self._shown_on = 0
        self._last_sent: asyncio.Future[None] | None = None
        self._objects: dict[str, Values] = {}
        self._manager = {"Version": version, "Instance": instance, "State": "running"}
        self.changed = False

    @property
    def paths(self) -> Iterable[str]:
        """The paths of the incidents' objects."""
        return self._objects.keys()

    def properties(self, path: str, interface: str) -> Properties | None:
        """The properties of an object's interface; None: it has no such interface of ours."""
        if path == ROOT and interface == MANAGER:
            return _manager_properties({**self._manager, "OpenIncidents": len(self._objects)})
        values = self._objects.get(path) if interface == INCIDENT else None
        return None if values is None else _properties(values)

    def managed(self) -> dict[str, dict[str, Properties]]:
        """Every object of an incident with its interfaces, as GetManagedObjects gives it."""
        return {path: {INCIDENT: _properties(values)} for path, values in self._objects.items()}

    def tell_state(self, state: str) -> None:
        """The manager's State is ``state`` from now on."""
        if self._manager["State"] != state:
            self._manager["State"] = state
            self._tell_changed(ROOT, MANAGER, {"State": Variant("s", state)})

    def show(self, outgoing: Outgoing) -> None:
        """Make the objects what an event says, before the event itself is told: who hears it finds them so."""
        view = from_json(outgoing.message)["data"].get("incident")
        if view is None:
            return
        if view["status"] == IncidentStatus.CLOSED:
            self._remove(path_of(view["incident_guid"]))
        else:
            self._put(path_of(view["incident_guid"]), _values(view))

    async def resynchronise(self) -> None:
        """After a new connection, show what the database has: what was missed comes, changes and goes.

        Raises:
            BusUnavailable: the bus has not all of it; it is shown again, whole, the next time.

        """
        connection = self._bus.connection
        if connection == self._shown_on:
            return
        self._last_sent = None  # it was of the connection before
        try:
            found = await self._show_open()
            for path in self._objects.keys() - found:
                self._remove(path)
            await self._all_told()
        except BusUnavailable:
            self._objects.clear()
            raise
        self._shown_on = connection

    async def refresh(self, now: datetime) -> None:
        """Nothing waits: each event has shown what it changes."""

    async def _show_open(self) -> set[str]:
        """Show the open incidents, page by page, as fast as the bus takes them; return their paths.

        Not what is opened meanwhile, perhaps without end: its events wait for us, and show it.
        """
        found: set[str] = set()
        after, last = "", await self._store.last_incident()
        while True:
            page = await self._store.open_incidents(after, last, _PAGE)
            for each in page:
                self._put(path_of(each.guid), _values(_view(each)))
                found.add(path_of(each.guid))
            await self._all_told()
            if len(page) < _PAGE:
                return found
            after = page[-1].guid

    async def _all_told(self) -> None:
        if self._last_sent is not None:
            await self._last_sent

    def _put(self, path: str, values: Values) -> None:
        before = self._objects.get(path)
        if before is None:
            self._objects[path] = values
            self._tell(ROOT, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {INCIDENT: _properties(values)}])
            self._tell_count()
        elif values[_VERSION] > before[_VERSION]:  # else it is an event of before the connection, told late
            self._objects[path] = values
            changed = {
                field.name: Variant(field.type, new) for field, new, old in zip(_FIELDS, values, before, strict=True) if new != old
            }
            self._tell_changed(path, INCIDENT, changed)

    def _remove(self, path: str) -> None:
        if self._objects.pop(path, None) is not None:
            self._tell(ROOT, OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, [INCIDENT]])
            self._tell_count()

    def _tell_count(self) -> None:
        self._tell_changed(ROOT, MANAGER, {"OpenIncidents": Variant("u", len(self._objects))})

    def _tell_changed(self, path: str, interface: str, changed: Properties) -> None:
        self._tell(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, []])

    def _tell(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._last_sent = self._bus.send(Message.new_signal(path, interface, member, signature, body))


def _manager_properties(values: Mapping[str, Any]) -> Properties:
    return {name: Variant("u" if isinstance(value, int) else "s", value) for name, value in values.items()}


def _values(view: Mapping[str, Any]) -> Values:
    """The values of an incident's properties, from its view as plain JSON."""
    return tuple(_shown(view.get(key)) for key in _KEYS)


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    return sys.intern(str(variant(value[:_SHOWN_CHARACTERS]).value)) if isinstance(value, str) else value


def _properties(values: Values) -> Properties:
    return {field.name: Variant(field.type, value) for field, value in zip(_FIELDS, values, strict=True)}


def _view(incident: Incident) -> Any:
    return from_json(to_json(incident_view(incident)))
