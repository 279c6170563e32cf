"""``[dbus]`` and ``[[dbus.sources]]``: the bus that is joined, who may ask for what on it, and which signals are alerts."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from axion_bus.config.section import Misfit, Section, refuse
from axion_bus.config.values import Allowed, ColumnText, FieldMapping, SeverityName, Text, Whole
from axion_bus.domain.alert import Severity
from axion_bus.errors import ConfigError
from axion_bus.formats import FormatName, decoder, limits
from axion_bus.formats.presets import preset

BUS_NAME = "org.axion.Bus1"
"""The name that the daemon owns on the bus."""

OBJECT_PATH = "/org/axion/Bus1"
"""The daemon's root object, which tells events."""

_ADDRESS = r"^(off|system|session|(unix|tcp):[!-~]{1,500})$"
_INTERFACE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
_BUS_NAME = r"^(:[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+|[A-Za-z_-][A-Za-z0-9_-]*(\.[A-Za-z_-][A-Za-z0-9_-]*)+)$"
_PATH = r"^/([A-Za-z0-9_]+(/[A-Za-z0-9_]+)*)?$"

Path = Annotated[str, StringConstraints(pattern=_PATH, max_length=255), Allowed("an object path")]
Uid = Annotated[Whole, Field(ge=0, le=4_294_967_294)]
Asked = Literal[
    "default",
    "submit",
    "create-incident",
    "update-status",
    "acknowledge",
    "add-note",
    "close-incident",
    "link-alert",
    "merge-incidents",
    "notify",
    "get-incident",
    "list-incidents",
    "lookup-ref",
]
"""What can be asked of the service, and ``default`` for all that has no list of its own."""


class SignalDefaults(Section):
    """What an alert of these signals gets where it does not say."""

    source: ColumnText | None = Field(None, description="Its source; else the sender's well-known name, or `[instance] name`.")
    package: (
        Annotated[ColumnText, Field(max_length=limits.PACKAGE), Allowed(f"a text of 1 to {limits.PACKAGE} printable characters")]
        | None
    ) = Field(None, description="Its package; else UNKNOWN.")
    severity: SeverityName = Field(Severity.MEDIUM, description="Its severity, where it has none or an unknown one.")


class DbusSource(Section):
    """Signals of another service that are alerts: a preset that knows them, or which they are and how they are read."""

    preset: Text | None = Field(None, description="A built-in reading of known signals, in the place of all that says which.")
    watch: tuple[ColumnText, ...] = Field(
        (), description="For the preset: which units, devices or names; without it, all that the preset knows to ask for."
    )
    interface: (
        Annotated[
            str,
            StringConstraints(pattern=_INTERFACE, max_length=255),
            Allowed('an interface name such as "org.freedesktop.UPower.Device"'),
        ]
        | None
    ) = Field(None, description="The signals' interface; has to be there without a preset.")
    member: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$"), Allowed("a signal's name")] | None = Field(
        None, description="The signal's name; without it, all of the interface."
    )
    path: Path | None = Field(None, description="The object that it comes from; without it, any.")
    path_namespace: Path | None = Field(None, description="The same, with all objects below it.")
    arg0: ColumnText | None = Field(
        None, description="Its first argument, which is a text: of PropertiesChanged, the interface whose properties changed."
    )
    sender: Annotated[str, StringConstraints(pattern=_BUS_NAME, max_length=255), Allowed("a bus name")] | None = Field(
        None, description="The bus name that it has to come from; without it, any."
    )
    format: FormatName = Field(
        FormatName.AUTO, description="How its one argument, which is a text, is read; with a mapping, `auto` or `json`."
    )
    mapping: FieldMapping | None = Field(
        None,
        min_length=1,
        description="An alert's field = a JMESPath expression over "
        '`{"sender": .., "path": .., "interface": .., "member": .., "args": [..]}`.',
    )
    defaults: SignalDefaults = Field(SignalDefaults(), description="What an alert gets where it does not say.")
    allowed_uids: tuple[Uid, ...] | None = Field(
        None, min_length=1, description="The users that it has to come from; without it, any that the bus's policy lets send it."
    )

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        if self.preset is None:
            self._check_own()
        else:
            self._check_preset(self.preset)
        return self

    def _check_own(self) -> None:
        if self.interface is None:
            refuse([Misfit(("interface",), "is missing: say which signals these are, or give a preset")])
        if self.watch:
            refuse([Misfit(("watch",), "is for a preset, and there is none")])
        if self.path and self.path_namespace:
            refuse([Misfit(("path_namespace",), "stands beside path: give one of the two")])
        try:
            decoder(self.format, self.mapping)
        except ConfigError as exc:
            refuse([Misfit(("mapping",), str(exc))])

    def _check_preset(self, name: str) -> None:
        own = ("interface", "member", "path", "path_namespace", "arg0", "sender", "format", "mapping")
        beside = [key for key in own if key in self.model_fields_set]
        refuse(Misfit((key,), f'stands beside preset = "{name}", which says that itself: remove one of the two') for key in beside)
        try:
            preset(name, self.watch)
        except ConfigError as exc:
            refuse([Misfit(("preset",), str(exc))])


class Dbus(Section):
    """D-Bus: the service `org.axion.Bus1`, and signals that are alerts."""

    bus: Annotated[
        str, StringConstraints(pattern=_ADDRESS), Allowed('"off", "system", "session" or an address such as "unix:path=/run/bus"')
    ] = Field("off", description="The bus that is joined.")
    allowed_uids: Mapping[Asked, Annotated[tuple[Uid, ...], Field(min_length=1)]] = Field(
        {},
        description="Who may ask for what: a command, or `submit` for alerts, = a list of users; `default` is for all others. "
        "Without a list, whoever the bus's policy lets ask.",
    )
    sources: tuple[DbusSource, ...] = Field(
        (), description="Signals that are alerts. Each `[[dbus.sources]]` adds one; the first that a signal belongs to reads it."
    )

    @property
    def is_on(self) -> bool:
        """Whether a bus is joined at all."""
        return self.bus != "off"

    def users_of(self, asked: str) -> tuple[int, ...] | None:
        """The users that may ask for that; None: whoever the bus's policy lets ask."""
        lists: Mapping[str, tuple[int, ...]] = {str(key): uids for key, uids in self.allowed_uids.items()}
        return lists.get(asked, lists.get("default"))
