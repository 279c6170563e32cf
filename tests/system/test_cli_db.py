"""``axion-bus db status|upgrade`` on both databases."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from axion_bus.store.schema import REVISION


def make_newer(mariadb, url):
    """As if a newer program had upgraded it."""
    statement = "UPDATE alembic_version SET version_num = '9999'"
    if url.startswith("sqlite"):
        with closing(apsw.Connection(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
    else:
        with mariadb.connect(url.rpartition("/")[2]) as cursor:
            cursor.execute(statement)


def test_an_empty_database_is_told_and_upgraded_once(shell, store_url):
    shell.set("AXION_BUS__STORE__URL", store_url)
    before, upgraded, again, after = shell("db", "status"), shell("db", "upgrade"), shell("db", "upgrade"), shell("db", "status")

    assert (0, f"{store_url}: schema none, this program needs {REVISION}: run 'axion-bus db upgrade'\n") == (
        before.code,
        before.out,
    )
    assert (0, f"{store_url} now has schema {REVISION}; it had none\n", "") == (upgraded.code, upgraded.out, upgraded.err)
    assert (0, f"{store_url} has schema {REVISION} already\n") == (again.code, again.out)
    assert (0, f"{store_url}: schema {REVISION}, current\n") == (after.code, after.out)


def test_json_says_the_same(shell, store_url):
    shell.set("AXION_BUS__STORE__URL", store_url)
    before, upgraded = shell("db", "status", "--json"), shell("--json", "db", "upgrade")

    assert {"store": store_url, "found": None, "wanted": REVISION, "current": False} == before.json["data"]
    assert {"store": store_url, "before": None, "now": REVISION} == upgraded.json["data"]


def test_a_newer_database_is_told_and_refused(shell, store_url, mariadb):
    shell.set("AXION_BUS__STORE__URL", store_url)
    shell("db", "upgrade")
    make_newer(mariadb, store_url)
    status, upgraded = shell("db", "status"), shell("db", "upgrade")

    assert (0, f"{store_url}: schema 9999, newer than this program, which knows up to {REVISION}\n") == (status.code, status.out)
    assert (4, "", True) == (upgraded.code, upgraded.out, "axion-bus: the database has schema 9999" in upgraded.err)


def test_looking_at_a_file_that_is_not_there_does_not_make_it(shell, sqlite_url):
    shell.set("AXION_BUS__STORE__URL", sqlite_url)
    shell("db", "status")

    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("verb", ["status", "upgrade"])
def test_a_server_that_is_away_is_5_with_a_hint_and_no_traceback(shell, verb):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    shell.set("AXION_BUS__STORE__URL", f"mysql://axion@127.0.0.1:{port}/axion")
    said, as_json = shell("db", verb), shell("db", verb, "--json")

    assert (5, "", False) == (said.code, said.out, "Traceback" in said.err)
    assert "hint: 'axion-bus config show' shows which [store] is in force, and which file says so" == said.err.splitlines()[-1]
    assert (5, "", "unavailable") == (as_json.code, as_json.err, as_json.json["error"]["code"])


def test_a_file_that_is_no_database_is_5(shell, tmp_path):
    (tmp_path / "text").write_text("no database\n" * 100)
    shell.set("AXION_BUS__STORE__URL", f"sqlite:///{tmp_path}/text")

    assert 5 == shell("db", "status").code


def test_the_password_comes_from_its_file_and_a_missing_one_is_6(shell, mariadb, tmp_path):
    database = mariadb.fresh_database().rpartition("/")[2]
    with mariadb.connect() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS secretive@127.0.0.1 IDENTIFIED BY 'hunter2'")
        cursor.execute(f"GRANT ALL ON {database}.* TO secretive@127.0.0.1")
    (tmp_path / "password").write_text("hunter2\n")
    shell.set("AXION_BUS__STORE__URL", f"mysql://secretive@127.0.0.1:{mariadb.port}/{database}")
    without = shell("db", "upgrade")
    shell.set("AXION_BUS__STORE__PASSWORD", f'{{ file = "{tmp_path}/password" }}')
    with_it = shell("db", "upgrade")
    shell.set("AXION_BUS__STORE__PASSWORD", f'{{ file = "{tmp_path}/missing" }}')
    missing = shell("db", "status", "-vv")

    assert (5, 0, 6) == (without.code, with_it.code, missing.code)
    assert "hunter2" not in without.err + with_it.out + missing.err
