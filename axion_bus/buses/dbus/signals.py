"""Which signals are asked of the bus, which configured source one belongs to, and what it says: bytes for a decoder, or a command.

``org.axion.Alert1.Alert`` is asked for without being configured. Knows no connection; used by ``session``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic_core import to_json

from axion_bus.buses.dbus import values
from axion_bus.buses.dbus.framing import is_cut
from axion_bus.buses.dbus.repeats import Repeats
from axion_bus.domain.communication import Fault
from axion_bus.formats import Malformed
from axion_bus.formats.dbus_signal import Command, RollCall, Wanted
from axion_bus.formats.presets import preset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from dbus_next.message import Message

    from axion_bus.config.dbus import Dbus, DbusSource
    from axion_bus.formats.dbus_signal import Call, Document, Preset

ALERT = Wanted(interface="org.axion.Alert1", member="Alert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one signal says: ``body`` is for the source's decoder, or the arguments of the command ``request``.

    ``is_state``, ``is_reading``: see ``ports.Received``.
    """

    body: bytes
    request: str | None = None
    refusal: Malformed | None = None
    is_state: bool = False
    is_reading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSource:
    """A source of signals: what is asked of the bus, who may send it, how it is read. ``key`` None: native alerts."""

    key: str | None
    wanted: Sequence[Wanted]
    users: frozenset[int] | None
    is_mapped: bool = False
    preset: Preset | None = None
    repeats: Repeats = field(default_factory=Repeats)

    @property
    def calls(self) -> Sequence[Call]:
        """What is called after each connect."""
        return () if self.preset is None else self.preset.calls

    def match(self, message: Message, owners: Mapping[str, str]) -> Wanted | None:
        """What ``message`` was asked for as; ``owners`` has the unique names of well-known ones."""
        return next((wanted for wanted in self.wanted if _is_wanted(message, wanted, owners)), None)

    def hear(self, message: Message, sender: str) -> Iterable[Heard]:
        """What ``message`` says; nothing: what it tells does not matter."""
        refused = fault_of(message)
        if refused is not None:
            return [Heard(body=to_json(values.document(message, sender)), refusal=refused)]
        if self.preset is not None:
            return list(self.read(values.document(message, sender)))
        if self.is_mapped:
            return [Heard(body=to_json(values.document(message, sender)))]
        if message.signature == "s":
            return [Heard(body=message.body[0].encode())]
        return [Heard(body=to_json(values.document(message, sender)), refusal=_not_a_text(message, self.key))]

    def read(self, document: Document, *, is_reading: bool = False) -> Iterable[Heard]:
        """What the preset makes of ``document``, but for what was told before. ``is_reading``: it is the answer to a call."""
        for told in () if self.preset is None else self.preset.read(document):
            if isinstance(told, Command):
                yield Heard(body=to_json(told.arguments), request=told.verb)
            elif not self.repeats.is_old(told, is_reading=is_reading):
                yield Heard(body=to_json(told), is_state=True, is_reading=is_reading)

    @property
    def roll_call(self) -> RollCall | None:
        """The preset, if its answers tell of everything that there is."""
        return self.preset if isinstance(self.preset, RollCall) else None

    def absent(self, document: Document, keys: Collection[str]) -> Iterable[Heard]:
        """What it means that ``document``, an answer, does not tell of some of ``keys``, whose alerts were open before."""
        for told in () if self.roll_call is None else self.roll_call.absent(document, keys):
            self.repeats.is_old(told, is_reading=True)
            yield Heard(body=to_json(told), is_state=True)


def sources(dbus: Dbus) -> list[SignalSource]:
    """The configured sources in their order, and behind them the native alerts, whose users are those of ``submit``."""
    submit = dbus.users_of("submit")
    native = SignalSource(key=None, wanted=[ALERT], users=None if submit is None else frozenset(submit))
    return [*(_source(f"dbus.sources[{number}]", each) for number, each in enumerate(dbus.sources)), native]


def rule(wanted: Wanted) -> str:
    """``wanted`` as a match rule (D-Bus specification, Match Rules)."""
    keys = ("sender", "path", "path_namespace", "interface", "member", "arg0")
    given = [("type", "signal"), *((key, getattr(wanted, key)) for key in keys)]
    return ",".join(f"{key}={_quoted(value)}" for key, value in given if value is not None)


def fault_of(message: Message) -> Malformed | None:
    """Why ``message`` is not even read; None: it may be."""
    if is_cut(message):
        return Malformed(fault=Fault.TOO_LARGE, place="", detail="its arguments are longer than [intake] max_payload_bytes allows")
    if "h" in message.signature:
        return Malformed(fault=Fault.FILE_DESCRIPTORS, place="", detail=f'its signature is "{message.signature}"')
    return None


def _source(key: str, source: DbusSource) -> SignalSource:
    host = source.defaults.source or socket.gethostname()
    made = None if source.preset is None else preset(source.preset, source.watch, host=host)
    return SignalSource(
        key=key,
        wanted=[_wanted(source)] if made is None else made.wanted,
        users=None if source.allowed_uids is None else frozenset(source.allowed_uids),
        is_mapped=source.mapping is not None,
        preset=made,
    )


def _wanted(source: DbusSource) -> Wanted:
    return Wanted(
        interface=source.interface or "",
        member=source.member,
        sender=source.sender,
        path=source.path,
        path_namespace=source.path_namespace,
        arg0=source.arg0,
    )


def _is_wanted(message: Message, wanted: Wanted, owners: Mapping[str, str]) -> bool:
    """The bus sends us what any of our rules asks for; so each is looked at again."""
    namespace = wanted.path_namespace
    return (
        message.interface == wanted.interface
        and wanted.member in (None, message.member)
        and wanted.path in (None, message.path)
        and (namespace in (None, "/", message.path) or message.path.startswith(f"{namespace}/"))
        and (wanted.arg0 is None or _first_is(message, wanted.arg0))
        and (wanted.sender is None or message.sender in (wanted.sender, owners.get(wanted.sender)))
    )


def _first_is(message: Message, text: str) -> bool:
    """Of a message that was cut, the bus's word is taken for it."""
    return is_cut(message) or (message.signature.startswith("s") and message.body[0] == text)


def _not_a_text(message: Message, key: str | None) -> Malformed:
    advice = "" if key is None else f"; give {key} a mapping"
    return Malformed(fault=Fault.WRONG_TYPE, place="", detail=f'its signature is "{message.signature}", not "s"{advice}')


def _quoted(value: str) -> str:
    """In apostrophes, which themselves stand outside of them, behind a backslash."""
    return "'" + value.replace("'", "'\\''") + "'"
