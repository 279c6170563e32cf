"""``axion-bus doctor`` on a SQLite file: it is read, and nothing is made, left or locked."""

from __future__ import annotations

import json
from contextlib import closing

import apsw
import pytest

from tests.chaos.scene import start_hearing
from tests.servers import configuration
from tests.system.doctor.host import MACHINE


@pytest.fixture
def file_host(tmp_path, broker, shell):
    """A configuration with an embedded database that does not exist yet."""
    file = tmp_path / "axion-bus.toml"
    file.write_text(configuration(store=f"sqlite:///{tmp_path}/axion.db", broker=broker.url, base_topic="axion-doctor"))
    shell.set("RUNTIME_DIRECTORY", str(tmp_path))

    def database():
        said = shell("doctor", "--json", "--no-probe", "--config", file)
        return {each["check"]: each["verdict"] for each in json.loads(said.out)["data"]["findings"] if "database" in each["check"]}

    return tmp_path / "axion.db", database


def test_a_file_that_is_not_there_is_not_made(file_host):
    path, database = file_host

    assert ({"database.reach": "warn"}, False) == (database(), path.exists())


def test_a_file_that_is_no_database_is_a_fault(file_host):
    path, database = file_host
    path.write_text("no database\n" * 100)

    assert {"database.reach": "fail"} == database()


@pytest.mark.parametrize("mode", ["WAL", "TRUNCATE"])
def test_a_file_is_read_and_nothing_is_left_beside_it(file_host, shell, mode):
    path, database = file_host
    shell("db", "upgrade", "--config", path.with_name("axion-bus.toml"))
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    before = sorted(path.parent.glob("axion.db*"))

    assert {"database.reach": "ok", "database.schema": "ok"} == database()
    assert before == sorted(path.parent.glob("axion.db*"))


def test_a_running_daemons_file_is_read_without_its_lock(broker, make_daemon, sqlite_url, shell):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    shell.set("RUNTIME_DIRECTORY", str(daemon.directory))
    said = shell("doctor", "--json", "--no-probe", "--config", daemon.config_file)
    troubles = {each["check"] for each in said.json["data"]["findings"] if each["verdict"] != "ok"}

    assert (0, set()) == (said.code, troubles - {MACHINE, "broker.drops"})
    assert daemon.is_running
