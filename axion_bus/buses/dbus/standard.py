"""The bus's own interfaces, which every object has: Introspectable, Properties, Peer; and ObjectManager at the root.

Questions only, answered at once, from ``tree``. Called by ``service``, which has looked up the method and checked its signature.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axion_bus.buses.dbus.calls import FAILED, CallError
from axion_bus.buses.dbus.documents import introspection
from axion_bus.buses.dbus.interfaces import (
    INCIDENT_INTERFACE,
    INCIDENTS,
    INTROSPECTABLE,
    MANAGER_INTERFACE,
    MANAGING,
    OBJECT_MANAGER,
    PROPERTIES,
    ROOT,
    STANDARD,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dbus_next.message import Message
    from dbus_next.signature import Variant

    from axion_bus.buses.dbus.interfaces import Interface
    from axion_bus.buses.dbus.tree import Tree

INCIDENT_PATH = re.compile(rf"{INCIDENTS}/([0-9a-f]{{32}})")
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_INTERFACE = "org.freedesktop.DBus.Error.UnknownInterface"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
UNKNOWN_PROPERTY = "org.freedesktop.DBus.Error.UnknownProperty"
READ_ONLY = "org.freedesktop.DBus.Error.PropertyReadOnly"
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"

_MACHINE_ID = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_ABOVE = {f"{ROOT}/".rpartition("/")[0][:end] or "/" for end in (0, 4, 10)}


class Standard:
    """Answers for the objects of ``tree`` and those above them."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def interfaces(self, path: str) -> Sequence[Interface] | None:
        """What an object has; None: there is no such object."""
        if path == ROOT:
            return (MANAGER_INTERFACE, MANAGING, *STANDARD)
        if path == INCIDENTS or path in _ABOVE:
            return STANDARD
        return (INCIDENT_INTERFACE, *STANDARD) if path in self._tree.paths else None

    def answer(self, message: Message, interface: str) -> list[Any]:
        """What a method of these interfaces returns. Raises CallError."""
        match interface:
            case _ if interface == PROPERTIES:
                return self._of_properties(message)
            case _ if interface == INTROSPECTABLE:
                return [introspection(self.interfaces(message.path) or (), self._children(message.path))]
            case _ if interface == OBJECT_MANAGER:
                return [self._tree.managed()]
            case _:
                return [_machine_id()] if message.member == "GetMachineId" else []

    def _children(self, path: str) -> Iterable[str]:
        if path == INCIDENTS:
            return [each.rpartition("/")[2] for each in self._tree.paths]
        below = INCIDENTS.removeprefix("" if path == "/" else path)
        return [below.split("/")[1]] if below != INCIDENTS or path == "/" else []

    def _of_properties(self, message: Message) -> list[Any]:
        interface = message.body[0]
        found = self._properties(message.path, interface)
        if message.member == "GetAll":
            return [found]
        name = message.body[1]
        if name not in found:
            raise CallError(UNKNOWN_PROPERTY, f"{interface or message.path} has no property {name!a:.80}")
        if message.member == "Set":
            raise CallError(READ_ONLY, f"{name} can only be read; what changes an incident are its methods")
        return [found[name]]

    def _properties(self, path: str, interface: str) -> dict[str, Variant]:
        known = self.interfaces(path) or ()
        if interface and interface not in {each.name for each in known}:
            raise CallError(UNKNOWN_INTERFACE, f"{path} has no interface {interface!a:.80}")
        names = [interface] if interface else [each.name for each in known]
        return {name: value for each in names for name, value in (self._tree.properties(path, each) or {}).items()}


def _machine_id() -> str:
    for file in _MACHINE_ID:
        try:
            return file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
    raise CallError(FAILED, "this machine has no id")
