"""A private MariaDB: stock settings, its own data directory, one account ``axion`` without a password, databases by the dozen."""

from __future__ import annotations

import getpass
import itertools
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pymysql

from tests.servers.process import Process, find_program, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pymysql.cursors import Cursor


class MariaDb(Process):
    """A database server on ``port`` of 127.0.0.1 that writes each commit through (innodb_flush_log_at_trx_commit=1)."""

    name = "mariadb"

    def __init__(self, directory: Path, *, options: Sequence[str] = ()) -> None:
        super().__init__(directory)
        self.program = find_program("mariadbd", "mariadb-server")
        self.port = free_port()
        self.data = directory / "data"
        self._options = options
        self._numbers = itertools.count(1)

    def command(self) -> Sequence[str]:
        """The server, with no option file of the machine; its data directory is made on the first start."""
        temporary = self.directory / "tmp"  # its own: a server that starts deletes what it takes for left over in there
        temporary.mkdir(exist_ok=True)
        if not self.data.exists():
            self._install(temporary)
        return (
            self.program,
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self.data}",
            f"--tmpdir={temporary}",
            "--socket=s",  # below the data directory; its whole path may be longer than a socket's may be, and nobody uses it
            f"--pid-file={self.directory}/mariadb.pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=1",
            *self._options,
        )

    def is_ready(self) -> bool:
        """Whether it answers a query."""
        try:
            with self.connect() as cursor:
                return bool(cursor.execute("SELECT 1"))
        except pymysql.err.OperationalError:
            return False

    def fresh_database(self) -> str:
        """Create an empty database; returns its URL as a configuration has it."""
        name = f"axion_{next(self._numbers)}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute("CREATE USER IF NOT EXISTS axion@127.0.0.1")
            cursor.execute(f"GRANT ALL ON {name}.* TO axion@127.0.0.1")
        return f"mysql://axion@127.0.0.1:{self.port}/{name}"

    @contextmanager
    def connect(self, database: str | None = None) -> Iterator[Cursor]:
        """A cursor of root, on a connection of its own, in autocommit."""
        connection = pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True, connect_timeout=2
        )
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _install(self, temporary: Path) -> None:
        command = [
            find_program("mariadb-install-db", "mariadb-server"),
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self.data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        environment = {**os.environ, "TMPDIR": str(temporary)}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db ended with {done.returncode}:\n{done.stdout}{done.stderr}")
