"""A private message bus: dbus-daemon with a configuration of its own, on an abstract socket that every user can reach."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

from tests.servers.process import Process, find_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SESSION_LIKE = """\
  <type>session</type>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_completed_connections">100000</limit>
  <limit name="max_connections_per_user">100000</limit>
  <limit name="max_replies_per_connection">50000</limit>"""
"""As /usr/share/dbus-1/session.conf has it: whoever connects may do everything."""

SYSTEM_LIKE = """\
  <type>system</type>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus" send_member="UpdateActivationEnvironment"/>
  </policy>"""
"""As /usr/share/dbus-1/system.conf has it: nobody may own a name or call a method, unless a policy of a service lets them."""

_KINDS = {None: SESSION_LIKE, "system-like": SYSTEM_LIKE}


class DbusDaemon(Process):
    """A bus at ``address``, the same one after a restart.

    ``config`` is None (everybody may do everything, as on a session bus) or "system-like". ``policies`` are files of services'
    policies, included after it; ``lines`` are more lines of the configuration. ``listen`` is where it listens.
    """

    name = "dbus-daemon"

    def __init__(
        self,
        directory: Path,
        config: str | None = None,
        *,
        policies: Sequence[Path] = (),
        lines: Sequence[str] = (),
        listen: str | None = None,
        name: str = "dbus-daemon",
    ) -> None:
        self.name = name
        super().__init__(directory)
        self.program = find_program("dbus-daemon", "dbus")
        self._abstract = f"axion-dbus-{uuid.uuid4().hex}"
        self.address = listen or f"unix:abstract={self._abstract}"
        self._config = "\n".join(
            [
                '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"',
                ' "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">',
                "<busconfig>",
                f"  <listen>{self.address}</listen>",
                "  <auth>EXTERNAL</auth>",
                _KINDS[config],
                *(f"  <include>{policy}</include>" for policy in policies),
                *lines,
                "</busconfig>",
            ]
        )

    def command(self) -> Sequence[str]:
        """The daemon in the foreground, with our configuration only."""
        file = self.directory / f"{self.name}.conf"
        file.write_text(self._config)
        return self.program, f"--config-file={file}", "--nofork", "--nopidfile", "--nosyslog"

    def is_ready(self) -> bool:
        """Whether it takes a connection."""
        if "abstract" not in self.address:
            return "path=" not in self.address or _connects(self.address.partition("path=")[2])
        return _connects(f"\0{self._abstract}")

    def freeze(self) -> None:
        """Stall it (SIGSTOP) until ``resume``: connections stay open, and nothing is read or answered."""
        self.pause()


def _connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
