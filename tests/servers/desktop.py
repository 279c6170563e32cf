"""``axion-bus desktop`` as a process of its own, between the daemon's bus and a session's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.servers.process import Process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Desktop(Process):
    """That of ``user``; ready means that it has met the notification server and asked the daemon."""

    name = "axion-bus-desktop"

    def __init__(self, directory: Path, *, bus: str, session: str, user: str, arguments: Sequence[str] = ()) -> None:
        super().__init__(directory)
        self._bus = bus
        self._session = session
        self._user = user
        self._arguments = arguments

    def command(self) -> Sequence[str]:
        """The module, so that it is the code of this tree."""
        given = ("--bus", self._bus, "--by", self._user, *self._arguments)
        return sys.executable, "-m", "axion_bus", "desktop", *given

    def environment(self) -> Mapping[str, str]:
        """The session's bus."""
        return {"DBUS_SESSION_BUS_ADDRESS": self._session}

    def is_ready(self) -> bool:
        """Whether its log says that it has met both."""
        text = self.log.read_text() if self.log.exists() else ""
        return '"notification_server"' in text and '"daemon_asked"' in text
