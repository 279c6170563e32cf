"""The host, and the host with its daemon."""

from __future__ import annotations

import pytest

from axion_bus.store.grants import NEEDED_GRANTS
from tests.servers import Daemon, Mosquitto, wait_until
from tests.system.doctor.host import ACL, Host


@pytest.fixture
def host(tmp_path, mariadb, shell):
    directory = tmp_path / "host"
    directory.mkdir()
    store = mariadb.fresh_database().replace("axion@", "doctored@")
    shell.set("RUNTIME_DIRECTORY", str(directory))
    with Mosquitto(directory, users={"axion-bus": "hunter2"}, acl=ACL, sys_interval=1) as broker:
        found = Host(directory, broker, mariadb, store, shell)
        found.sql(
            f"ALTER DATABASE {found.database} CHARACTER SET utf8mb4",
            "DROP USER IF EXISTS doctored@127.0.0.1",
            "CREATE USER doctored@127.0.0.1 IDENTIFIED BY 'hunter2'",
            f"GRANT {', '.join(NEEDED_GRANTS)} ON {found.database}.* TO doctored@127.0.0.1",
        )
        found.configure()
        assert shell("db", "upgrade", "--config", found.file).code == 0
        yield found
        found.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


@pytest.fixture
def healthy(host):
    """The host with its daemon."""
    with Daemon(host.directory, host.file.read_text()) as daemon:
        wait_until(lambda: daemon.logged("broker_connected"), "the daemon is connected")
        yield daemon
