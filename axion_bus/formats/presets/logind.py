"""logind: the machine goes down, so its alerts are silenced until it is back. Source: org.freedesktop.login1(5), "Signals".

``PrepareForShutdown`` is sent with true before, and with false if nothing came of it; the property ``PreparingForShutdown`` says
the same, and false after the next start. The silence has an end of its own, in case nobody ever comes back to say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.domain.rules import parse_matcher
from axion_bus.errors import ConfigError
from axion_bus.formats.dbus_signal import Call, Command, Wanted
from axion_bus.formats.presets import telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.formats.dbus_signal import Document

NAME = "org.freedesktop.login1"
MANAGER = f"{NAME}.Manager"
PATH = "/org/freedesktop/login1"
LASTS = "30m"
"""How long a machine may be away before its alerts are heard again."""
_BY = "logind"


@dataclass(frozen=True, slots=True)
class Logind:
    """``match`` are the conditions of the silence."""

    match: Sequence[str]
    host: str
    wanted: Sequence[Wanted] = (Wanted(interface=MANAGER, member="PrepareForShutdown", sender=NAME, path=PATH),)
    calls: Sequence[Call] = (
        Call(
            destination=NAME,
            path=PATH,
            interface=telling.PROPERTIES,
            member="Get",
            signature="ss",
            arguments=(MANAGER, "PreparingForShutdown"),
            is_reading=True,
        ),
    )

    def read(self, document: Document) -> Sequence[Command]:
        """A silence when the machine goes down, and its end."""
        goes_down = telling.argument(document, 0)
        guid = f"shutdown-{self.host}"
        match goes_down:
            case True:
                about = f"{self.host} shuts down or restarts"
                given = {"silence_guid": guid, "match": list(self.match), "ends_at": LASTS, "comment": about, "created_by": _BY}
                return [Command(verb="silence", arguments=given)]
            case False:
                return [Command(verb="expire-silence", arguments={"silence_guid": guid, "expired_by": _BY, "must_exist": False})]
            case _:
                return ()


def make(watch: Sequence[str], host: str) -> Logind:
    """The preset ``logind``; ``watch`` are the conditions of the silence, without it ``source`` is the machine.

    Raises:
        ConfigError: one of them is no condition.

    """
    for text in watch:
        try:
            parse_matcher(text)
        except (ValueError, OverflowError, RecursionError) as exc:
            raise ConfigError(f'preset "logind" silences what fits the conditions in watch, and {exc}') from exc
    return Logind(watch or (f'source = "{host}"',), host)
