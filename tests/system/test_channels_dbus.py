"""``axion-bus channels`` and ``notify-incident`` where people are told over D-Bus."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.people import define
from tests.servers import DbusDaemon
from tests.servers.bus1 import Bus1


@pytest.fixture
def bus(tmp_path):
    with DbusDaemon(tmp_path) as running:
        yield running


@pytest.fixture
def configured(tmp_path, sqlite_url):
    """A configuration with the bus at an address."""

    def write(address):
        file = tmp_path / "dbus.toml"
        file.write_text(f'[store]\nurl = "{sqlite_url}"\n[dbus]\nbus = {json.dumps(address)}\n')
        return "--config", str(file), "--json"

    return write


def test_dbus_is_listed_where_it_is_on(shell, configured):
    said = shell("channels", "list", *configured("session"))

    assert {"Channel": "DBUS", "State": "configured", "Recipients": "desktop"} in said.json["data"]


def test_dbus_is_listed_as_off_where_it_is_not(shell):
    assert {"Channel": "DBUS", "State": "off", "Recipients": ""} in shell("channels", "list", "--json").json["data"]


def test_a_test_of_dbus_where_it_is_off_says_so(shell):
    said = shell("channels", "test", "dbus")

    assert (3, True) == (said.code, '[dbus] bus is "off"' in said.err)


def test_a_test_of_dbus_says_whom_it_reaches(shell, configured):
    said = shell("channels", "test", "dbus", *configured("session"))

    assert {"channel": "DBUS", "recipients": ["desktop"], "sent": False} == said.json["data"]


async def test_a_live_test_of_dbus_finds_the_daemon(shell, configured, bus):
    async with Bus1(bus.address):
        said = await asyncio.to_thread(shell, "channels", "test", "dbus", "--live", *configured(bus.address))

    (row,) = said.json["data"]
    assert (0, "reached", True) == (said.code, row["Result"], row["Answer"].startswith("org.axion.Bus1 is :1."))


def test_a_live_test_of_dbus_without_a_daemon_says_so(shell, configured, bus):
    said = shell("channels", "test", "dbus", "--live", *configured(bus.address))

    assert (5, "unavailable") == (said.code, said.json["error"]["code"])
    assert "nobody has the name org.axion.Bus1" in said.json["error"]["message"]


def test_a_live_test_of_dbus_without_a_bus_says_so(shell, configured, tmp_path):
    said = shell("channels", "test", "dbus", "--live", *configured(f"unix:path={tmp_path}/no-bus"))

    assert 5 == said.code


def test_what_is_for_desktops_is_left_to_a_daemon(shell, configured, sqlite_url):
    options = configured("session")
    opened = shell("create-incident", "--title", "Disk full", "--severity", "HIGH", "--package", "STORAGE", *options).json
    define(sqlite_url, "DESK", "DBUS")

    counts = shell("notify-incident", opened["data"]["IncidentGuid"], "DESK", *options).json["data"]

    assert (0, 0, 1) == (counts["sent"], counts["failed"], counts["pending"])
