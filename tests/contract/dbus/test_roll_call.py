"""What a preset's answer does not tell of any more is resolved, if its alert was open before it was asked."""

from __future__ import annotations

import socket

from axion_bus.errors import StoreUnavailable
from tests.contract.dbus.station import Station, source
from tests.servers.dbus_services import Systemd

HOST = socket.gethostname()
GONE = f"{HOST}:systemd:gone.service"


def told(station):
    return [(each["dedup_key"], each["status"]) for each in station.documents]


async def test_what_is_not_there_any_more_is_resolved(dbus):
    asked = []

    async def open_keys(prefix):
        asked.append((prefix, systemd.calls.copy()))
        return {GONE, f"{HOST}:systemd:nginx.service"}

    async with Systemd(dbus.address, nginx="failed") as systemd:
        station = Station(dbus.address, sources=[source(preset="systemd")])
        station.bus._parts.open_keys = open_keys
        async with station:
            received = await station.got(2)

    assert [(f"{HOST}:systemd:", [])] == asked, "the open alerts are looked up before the service is asked"
    assert [(f"{HOST}:systemd:nginx.service", "firing"), (GONE, "resolved")] == told(station)
    assert [True, True] == [each.is_state for each in received]


async def test_while_the_database_is_away_what_is_there_is_told_all_the_same(dbus):
    async def open_keys(_prefix):
        raise StoreUnavailable("the database is away")

    async with Systemd(dbus.address, nginx="failed") as systemd:
        station = Station(dbus.address, sources=[source(preset="systemd")])
        station.bus._parts.open_keys = open_keys
        async with station:
            await station.got(1)
            await systemd.enters("nginx.service", "active")
            await station.got(2)

    key = f"{HOST}:systemd:nginx.service"
    assert [(key, "firing"), (key, "resolved")] == told(station)
