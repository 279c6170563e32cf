"""G5 and G11 on D-Bus: of a flood of signals each is accepted, or counted in a row that tells of the gap; memory stays bounded."""

from __future__ import annotations

import asyncio
import json

import pytest

from axion_bus.buses.dbus.link import Link
from tests.chaos import ledger
from tests.chaos.dbus import dropped, section, start_on_bus
from tests.contract.dbus.station import alert
from tests.contract.running import until
from tests.servers import DbusDaemon

pytestmark = pytest.mark.chaos

SIGNALS = 20_000
LIMIT_KIB = 256 * 1024


@pytest.fixture
def dbus(tmp_path):
    with DbusDaemon(tmp_path) as server:
        yield server


def accepted(store):
    return ledger.count(store, "data_incident_communication", "Direction = 'INBOUND' AND ExternalId IS NOT NULL")


async def flood(dbus):
    """SIGNALS alerts as fast as the bus takes them, of hosts that all have the same trouble."""
    link = await Link.open(dbus.address, take=lambda _: None)
    for number in range(SIGNALS):
        body = {"id": f"flood-{number}", "title": "Disk full", "package": "STORAGE", "labels": {"host": f"h{number % 50}"}}
        sent = link.send(alert(json.dumps(body)))
        if number % 200 == 0:
            await asyncio.wait_for(sent, 60)
    await link.close()


async def told_of_all(store):
    await until(
        lambda: accepted(store) + dropped(store) >= SIGNALS,
        lambda: f"{SIGNALS} signals accounted for; {accepted(store)} accepted, {dropped(store)} told as dropped",
        timeout_s=180,
    )


async def test_a_flood_of_signals_is_accepted_whole_or_told(dbus, broker, store_url, make_daemon):
    daemon = await start_on_bus(make_daemon(store=store_url, broker=broker.url, more=section(dbus)))

    await flood(dbus)
    await told_of_all(store_url)

    assert SIGNALS == accepted(store_url) + dropped(store_url)
    assert accepted(store_url) > SIGNALS // 2
    assert daemon.memory_kib() < LIMIT_KIB
    assert 1 == len(daemon.logged("dbus_connected"))


async def test_a_flood_while_the_database_stands_still_is_told(dbus, broker, own_mariadb, make_daemon):
    store = own_mariadb.fresh_database()
    daemon = await start_on_bus(make_daemon(store=store, broker=broker.url, more=section(dbus)))
    own_mariadb.pause()
    await flood(dbus)
    await asyncio.sleep(7)  # longer than the bus is left unread
    own_mariadb.resume()

    await told_of_all(store)

    assert SIGNALS == accepted(store) + dropped(store)
    assert dropped(store) > 0
    assert daemon.memory_kib() < LIMIT_KIB
