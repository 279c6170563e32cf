"""A call that needs no database starts at once: it imports no database library, nor anything else that it can do without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from axion_bus.cli import VERBS

DATABASE = ("sqlalchemy", "alembic", "aiomysql", "aiosqlite", "apsw", "pymysql")
SLOW = (*DATABASE, "pydantic", "paho", "asyncio", "structlog", "jinja2", "rich", "jmespath", "amqtt", "httpx2", "apprise")
CALL = """
import contextlib, io, sys
from axion_bus.cli import invoke
arguments, slow = sys.argv[1].split(), sys.argv[2].split()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    code = invoke(arguments)
print(code, *(name for name in slow if name in sys.modules))
"""


def imported(arguments, unwanted, tmp_path):
    """The exit code of ``axion-bus ARGUMENTS`` in a process of its own, and which of ``unwanted`` it imported."""
    environment = {"AXION_BUS_CONFIG": str(tmp_path / "axion-bus.toml"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", CALL, arguments, " ".join(unwanted)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture
def nowhere(tmp_path):
    """A configuration with a broker that is not there."""
    (tmp_path / "axion-bus.toml").write_text('[mqtt]\nurl = "mqtt://127.0.0.1:1"\n')
    return tmp_path


@pytest.mark.parametrize("arguments", ["version", "version --json", "--help", "nope"])
def test_what_needs_nothing_imports_nothing(arguments, nowhere):
    assert ["2" if arguments == "nope" else "0"] == imported(arguments, SLOW, nowhere)


def test_help_imports_no_database_library_whatever_the_verb(nowhere):
    slow = {verb: imported(f"{verb} --help", DATABASE, nowhere) for verb in VERBS}

    assert {verb: ["0"] for verb in VERBS} == slow


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("config show", "0"), ("check-config", "0"), ("send x", "5"), ("run --config /nope", "6")],
)
def test_what_needs_the_configuration_imports_no_database_library(arguments, code, nowhere):
    assert [code] == imported(arguments, DATABASE, nowhere)


def test_a_database_library_that_is_imported_would_be_noticed(nowhere):
    assert "sqlalchemy" in imported("db status", DATABASE, nowhere)
