"""G17 for messages to people: a secret of a channel is in no log, row, output or command line, whatever the provider answers."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import apsw.shell
import pytest

from tests.people import SECRETS, messages
from tests.servers import wait_until

CANARY = "canary-7f3a9c51e2"
NOTIFY = '[log]\nlevel = "debug"\n[notify]\ncreated = "EVERYBODY"\n[relay]\nretry_max_s = 1\n'


@pytest.fixture
def secrets(tmp_path):
    """A canary in every credential, each in a file."""
    for name in SECRETS:
        value = f"https://discord.com/api/webhooks/17/{CANARY}" if name == "DISCORD" else f"{CANARY}-{name}"
        (tmp_path / name).write_text(value)
    return lambda name: f'file = "{tmp_path / name}"'


def everything(url):
    """All that the database has, as text."""
    with closing(apsw.Connection(url.removeprefix("sqlite:///"))) as connection:
        dump = io.StringIO()
        apsw.shell.Shell(db=connection, stdout=dump).process_command(".dump")
        return dump.getvalue()


def output(daemon, *arguments):
    command = [sys.executable, "-m", "axion_bus", "--config", str(daemon.config_file), *arguments]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return said.stdout + said.stderr


@pytest.mark.parametrize("status", [200, 400])
def test_a_secret_is_told_nowhere(paging, sqlite_url, providers, secrets, status):
    providers.echoes = status
    daemon = paging(sqlite_url, more=NOTIFY, secret=secrets)
    output(daemon, "create-incident", "--title", "Database down", "--severity", "CRITICAL", "--package", "DATABASE")
    wait_until(lambda: all(row["Attempts"] for row in messages(sqlite_url)) and messages(sqlite_url), "all are tried")
    incident = messages(sqlite_url)[0]["IncidentGuid"]

    told = {
        "config show": output(daemon, "config", "show"),
        "channels": output(daemon, "channels", "list"),
        "channels test": output(daemon, "channels", "test", "pagerduty", "--live"),
        "notify": output(daemon, "-vv", "notify-incident", incident, "EVERYBODY"),
        "communications": output(daemon, "list-communications", incident, "--json"),
        "timeline": output(daemon, "timeline", incident, "--json"),
        "command line": Path(f"/proc/{daemon.pid}/cmdline").read_text(),
    }
    daemon.stop()
    told |= {"log": daemon.log.read_text(), "rows": everything(sqlite_url)}

    assert CANARY in str(providers.asked["PAGERDUTY"][0].said)
    assert [] == [where for where, text in told.items() if CANARY in text]
    assert all(told.values())
