"""Stand-ins for the services of a machine that the presets know: their names, paths, interfaces and signatures, and nothing else.

Each is a ``BusService`` on a private bus, whose state a test changes; it tells of that as the real one does.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from dbus_next.message import Message
from dbus_next.signature import Variant

from tests.servers.bus_service import BusService

if TYPE_CHECKING:
    from collections.abc import Mapping

PROPERTIES = "org.freedesktop.DBus.Properties"


class _Service(BusService):
    """Answers ``(interface, member, signature)`` by a method of its class; an unknown call is refused, as a real service does."""

    def answer(self, call: Message) -> Message | None:
        reply = self.replies(call.path, call.body).get((call.interface, call.member, call.signature))
        if reply is None:
            return Message.new_error(call, "org.freedesktop.DBus.Error.UnknownMethod", f"{call.interface}.{call.member}")
        signature, body = reply
        return Message.new_method_return(call, signature, body)

    @abstractmethod
    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        """What is answered to which call."""

    async def properties_changed(self, path: str, interface: str, found: dict[str, Variant]) -> None:
        """Tell that properties have changed."""
        await self.emit(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, found, []])


class Systemd(_Service):
    """The manager with its units and the states they are in; it tells of them only once somebody has subscribed."""

    PATH = "/org/freedesktop/systemd1"

    def __init__(self, address: str, **states: str) -> None:
        super().__init__(address, "org.freedesktop.systemd1")
        self.states = {f"{name}.service": state for name, state in states.items()}
        self._now = 1_764_028_800_000_000

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        manager = "org.freedesktop.systemd1.Manager"
        return {
            (manager, "Subscribe", ""): ("", []),
            (manager, "ListUnits", ""): ("a(ssssssouso)", [[_unit(name, state) for name, state in self.states.items()]]),
        }

    def forgets(self, name: str) -> None:
        """A unit that has not failed any more, and that nobody needs, is unloaded."""
        del self.states[name]

    async def enters(self, name: str, state: str) -> None:
        """A unit changes its state; of each change the manager tells twice, once for each interface, and when the job is done."""
        self.states[name] = state
        self._now += 1_000_000
        if ("Subscribe", []) not in self.calls:
            return
        told = {
            "ActiveState": Variant("s", state),
            "SubState": Variant("s", state),
            "StateChangeTimestamp": Variant("t", self._now),
        }
        for interface in ("Service", "Unit", "Unit"):
            found = {"Result": Variant("s", "exit-code")} if interface == "Service" else told
            await self.properties_changed(_unit_path(name), f"org.freedesktop.systemd1.{interface}", found)


def _unit(name: str, state: str) -> list[Any]:
    return [name, f"The unit {name}", "loaded", state, state, "", _unit_path(name), 0, "", "/"]


def _unit_path(name: str) -> str:
    label = "".join(char if char.isascii() and char.isalnum() else f"_{ord(char):02x}" for char in name)
    return f"{Systemd.PATH}/unit/{label}"


class UPower(_Service):
    """The device that stands for all batteries."""

    DISPLAY = "/org/freedesktop/UPower/devices/DisplayDevice"
    DEVICE = "org.freedesktop.UPower.Device"

    def __init__(self, address: str, *, warning_level: int = 1) -> None:
        super().__init__(address, "org.freedesktop.UPower")
        self.warning_level = warning_level

    @property
    def found(self) -> dict[str, Variant]:
        """Its properties."""
        return {
            "Type": Variant("u", 2),
            "IsPresent": Variant("b", True),
            "Percentage": Variant("d", 4.0),
            "WarningLevel": Variant("u", self.warning_level),
        }

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        is_asked = path == self.DISPLAY and body == [self.DEVICE]
        return {(PROPERTIES, "GetAll", "s"): ("a{sv}", [self.found])} if is_asked else {}

    async def warns(self, level: int) -> None:
        """The warning level changes."""
        self.warning_level = level
        told = {name: self.found[name] for name in ("Percentage", "WarningLevel")}
        await self.properties_changed(self.DISPLAY, self.DEVICE, told)


class UDisks2(_Service):
    """The drives, ATA by SMART's verdict."""

    ROOT = "/org/freedesktop/UDisks2"
    ATA = "org.freedesktop.UDisks2.Drive.Ata"
    OBJECTS = "org.freedesktop.DBus.ObjectManager"

    def __init__(self, address: str, **failing: bool) -> None:
        super().__init__(address, "org.freedesktop.UDisks2")
        self.failing = failing

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        objects = {
            self._path(drive): {"org.freedesktop.UDisks2.Drive": {"Serial": Variant("s", drive)}, self.ATA: self._found(drive)}
            for drive in self.failing
        }
        objects[f"{self.ROOT}/block_devices/sda"] = {"org.freedesktop.UDisks2.Block": {"Device": Variant("ay", b"/dev/sda\0")}}
        return {(self.OBJECTS, "GetManagedObjects", ""): ("a{oa{sa{sv}}}", [objects])} if path == self.ROOT else {}

    def _path(self, drive: str) -> str:
        return f"{self.ROOT}/drives/{drive}"

    def _found(self, drive: str) -> dict[str, Variant]:
        return {
            "SmartFailing": Variant("b", self.failing[drive]),
            "SmartUpdated": Variant("t", 1_764_028_800),
            "SmartNumBadSectors": Variant("x", 17),
        }

    async def says(self, drive: str, *, fails: bool) -> None:
        """SMART was read, and the verdict is another one."""
        self.failing[drive] = fails
        await self.properties_changed(self._path(drive), self.ATA, self._found(drive))

    async def unplugged(self, drive: str) -> None:
        """A drive is taken away."""
        del self.failing[drive]
        await self.emit(self.ROOT, self.OBJECTS, "InterfacesRemoved", "oas", [self._path(drive), [self.ATA]])


class NetworkManager(_Service):
    """The machine's connectivity."""

    PATH = "/org/freedesktop/NetworkManager"
    NAME = "org.freedesktop.NetworkManager"

    def __init__(self, address: str, *, connectivity: int = 4) -> None:
        super().__init__(address, self.NAME)
        self.connectivity = connectivity

    @property
    def found(self) -> dict[str, Variant]:
        """Its properties."""
        return {"Connectivity": Variant("u", self.connectivity), "State": Variant("u", 70 if self.connectivity == 4 else 20)}

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        is_asked = path == self.PATH and body == [self.NAME]
        return {(PROPERTIES, "GetAll", "s"): ("a{sv}", [self.found])} if is_asked else {}

    async def has(self, connectivity: int) -> None:
        """The connectivity changes; the state is told beside it, by an old signal too."""
        self.connectivity = connectivity
        await self.emit(self.PATH, self.NAME, "StateChanged", "u", [self.found["State"].value])
        await self.properties_changed(self.PATH, self.NAME, self.found)


class Logind(_Service):
    """Whether the machine is going down."""

    PATH = "/org/freedesktop/login1"
    MANAGER = "org.freedesktop.login1.Manager"

    def __init__(self, address: str, *, goes_down: bool = False) -> None:
        super().__init__(address, "org.freedesktop.login1")
        self.goes_down = goes_down

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        is_asked = path == self.PATH and body == [self.MANAGER, "PreparingForShutdown"]
        return {(PROPERTIES, "Get", "ss"): ("v", [Variant("b", self.goes_down)])} if is_asked else {}

    async def prepares_for_shutdown(self, goes_down: bool) -> None:
        """The machine goes down, or does not after all."""
        self.goes_down = goes_down
        await self.emit(self.PATH, self.MANAGER, "PrepareForShutdown", "b", [goes_down])


class Boiler(_Service):
    """A service of a user's own, of which only the name matters."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "org.example.Boiler")

    def replies(self, path: str, body: list[Any]) -> Mapping[tuple[str, str, str], tuple[str, list[Any]]]:
        return {}
