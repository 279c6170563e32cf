"""Signals of other services, as documents, and what a preset is: which signals it wants, and what it reads in them.

A signal's document is ``{"sender", "path", "interface", "member", "args": [...]}``, plain JSON values (a variant is its value, a
dictionary an object, bytes an array of numbers). Pure. The presets are in ``formats.presets``; ``buses.dbus.signals`` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Signals that are asked of the bus; what is None may be anything. ``sender`` is a well-known name: the bus checks who owns it.

    ``path_namespace`` is an object and all below it, ``arg0`` the first argument, which is a string.
    """

    interface: str
    member: str | None = None
    sender: str | None = None
    path: str | None = None
    path_namespace: str | None = None
    arg0: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is made after each connect, and when ``destination`` comes back. A service that is not there is not started.

    ``is_reading``: its answer is read as a signal is, as the document of its ``path``, ``interface`` and ``member``.
    """

    destination: str
    path: str
    interface: str
    member: str
    signature: str = ""
    arguments: Sequence[Any] = ()
    is_reading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A verb that a signal stands for, with its arguments as over MQTT (``silence``, ``{"match": ...}``)."""

    verb: str
    arguments: Mapping[str, Any]


Document: TypeAlias = "Mapping[str, Any]"
NativeAlert: TypeAlias = "Mapping[str, Any]"
"""An alert in the native format, as JSON values: ``{"title": ..., "severity": ..., "status": ..., "labels": {...}}``."""


@runtime_checkable
class RollCall(Protocol):
    """A preset whose answer tells of everything that there is: what it does not tell of is not there any more."""

    @property
    def prefix(self) -> str:
        """What the dedup keys of all its alerts begin with."""
        ...

    def absent(self, document: Document, keys: Collection[str]) -> Sequence[NativeAlert]:
        """The resolves of those alerts, of ``keys`` that were open before it was asked, of which ``document`` does not tell."""
        ...


class Preset(Protocol):
    """Known signals, and what they mean."""

    @property
    def wanted(self) -> Sequence[Wanted]:
        """What to ask the bus for; at least one."""
        ...

    @property
    def calls(self) -> Sequence[Call]:
        """What to call after each connect, in this order."""
        ...

    def read(self, document: Document) -> Sequence[NativeAlert | Command]:
        """What ``document`` tells; empty: nothing that matters. Never raises, whatever the document; keeps nothing.

        It need not know what was told before: a resolve for which no alert is open leaves no row (``ports.Received.is_state``).
        """
        ...
