"""``[dbus]`` and ``[[dbus.sources]]``: read and checked, not yet acted on."""

from typing import Annotated

from pydantic import Field, StringConstraints

from axion_bus.config.section import Section
from axion_bus.config.values import Allowed, Text, Whole
from axion_bus.formats import FormatName

BUS_NAME = "org.axion.Bus1"
"""The name that the daemon owns on the bus."""

OBJECT_PATH = "/org/axion/Bus1"
"""The daemon's root object, which tells events."""

_ADDRESS = r"^(off|system|session|(unix|tcp|nonce-tcp|unixexec|autolaunch|launchd|systemd):[!-~]{0,500})$"
_INTERFACE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
_BUS_NAME = r"^(:[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+|[A-Za-z_-][A-Za-z0-9_-]*(\.[A-Za-z_-][A-Za-z0-9_-]*)+)$"


class DbusSource(Section):
    """A signal of another service that is an alert."""

    interface: Annotated[
        str,
        StringConstraints(pattern=_INTERFACE, max_length=255),
        Allowed('an interface name such as "org.freedesktop.UPower.Device"'),
    ] = Field(description="The signal's interface.")
    member: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$"), Allowed("a signal's name")] | None = Field(
        None, description="The signal's name; without it, all of the interface."
    )
    path: Annotated[str, StringConstraints(pattern=r"^/([A-Za-z0-9_]+(/[A-Za-z0-9_]+)*)?$"), Allowed("an object path")] | None = (
        Field(None, description="The object that it comes from; without it, any.")
    )
    sender: Annotated[str, StringConstraints(pattern=_BUS_NAME, max_length=255), Allowed("a bus name")] | None = Field(
        None, description="The bus name that it has to come from; without it, any."
    )
    format: FormatName = Field(FormatName.AUTO, description="How its arguments are read.")
    allowed_uids: tuple[Annotated[Whole, Field(ge=0, le=4_294_967_294)], ...] = Field(
        (), description="The users that it has to come from; without it, any."
    )
    preset: Text | None = Field(None, description="A built-in reading of a known signal.")


class Dbus(Section):
    """D-Bus: the service `org.axion.Bus1`, and signals that are alerts."""

    bus: Annotated[
        str, StringConstraints(pattern=_ADDRESS), Allowed('"off", "system", "session" or an address such as "unix:path=/run/bus"')
    ] = Field("off", description="The bus that is joined.")
    sources: tuple[DbusSource, ...] = Field((), description="Signals that are alerts. Each `[[dbus.sources]]` adds one.")

    @property
    def is_on(self) -> bool:
        """Whether a bus is joined at all."""
        return self.bus != "off"
