"""A private mosquitto, configured as ``config/mosquitto.conf`` recommends unless a test says otherwise."""

from __future__ import annotations

import getpass
import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import trustme

from tests.servers.process import Process, can_connect, find_program, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Mosquitto(Process):
    """A broker on ``port`` of 127.0.0.1 with a persistent store.

    ``users`` (name: password) closes it to others; ``acl`` is the text of an ACL file; ``tls`` makes its only listener a TLS one
    whose authority is in ``ca_file``; ``sys_interval`` is in seconds, None leaves $SYS off; ``lines`` are more lines of its
    configuration.
    """

    name = "mosquitto"

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        tls: bool = False,
        sys_interval: int | None = None,
        max_queued_messages: int = 1_000_000,
        lines: Sequence[str] = (),
    ) -> None:
        super().__init__(directory)
        self.program = find_program("mosquitto", "mosquitto")
        self.port = free_port()
        self.acl_file = directory / "acl"
        self.ca_file = directory / "ca.pem"
        self.database = directory / "mosquitto.db"
        self._tls = tls
        self._lines = [
            f"listener {self.port} 127.0.0.1",
            f"user {getpass.getuser()}",  # as root it would change to a user that may not read our directory
            "persistence true",
            f"persistence_location {directory}/",
            "autosave_interval 1",
            f"max_queued_messages {max_queued_messages}",
            "max_inflight_messages 1000",
            f"sys_interval {sys_interval or 0}",
            "log_dest stderr",
            *lines,
            *self._access(users, acl),
            *(self._certificates() if tls else ()),
        ]

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"{'mqtts' if self._tls else 'mqtt'}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}"

    def command(self) -> Sequence[str]:
        """Mosquitto with our file only."""
        file = self.directory / "mosquitto.conf"
        file.write_text("\n".join(self._lines) + "\n")
        return self.program, "-c", str(file)

    def is_ready(self) -> bool:
        """Whether it takes a connection."""
        return _tls_answers(self.port) if self._tls else can_connect(self.port)

    def forget(self) -> None:
        """Lose every session and retained message; only while it is stopped."""
        if self.is_running:
            raise RuntimeError("stop the broker first: it writes its store when it ends")
        self.database.unlink(missing_ok=True)

    def set_acl(self, text: str) -> None:
        """Replace the ACL; the broker takes it at the next SIGHUP or start."""
        self.acl_file.write_text(text)
        self.acl_file.chmod(0o600)

    def _access(self, users: Mapping[str, str] | None, acl: str | None) -> list[str]:
        lines = ["allow_anonymous " + ("false" if users else "true")]
        if users:
            passwords = self.directory / "passwords"
            passwords.touch(0o600)
            for user, password in users.items():
                command = [find_program("mosquitto_passwd", "mosquitto"), "-b", str(passwords), user, password]
                subprocess.run(command, check=True, capture_output=True)
            lines.append(f"password_file {passwords}")
        if acl is not None:
            self.set_acl(acl)
            lines.append(f"acl_file {self.acl_file}")
        return lines

    def _certificates(self) -> list[str]:
        authority = trustme.CA()
        server = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca_file)
        certificate, key = self.directory / "server.pem", self.directory / "server.key"
        for blob in server.cert_chain_pems:
            blob.write_to_path(certificate, append=True)
        server.private_key_pem.write_to_path(key)
        return [f"cafile {self.ca_file}", f"certfile {certificate}", f"keyfile {key}"]


def _tls_answers(port: int) -> bool:
    # a bare connection would be logged as a failed handshake, which reads like a fault
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as raw, context.wrap_socket(raw):
            return True
    except OSError:
        return False
