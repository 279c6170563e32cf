"""Each preset with its one line of configuration: a real daemon, a real bus, and a stand-in that speaks the real interface."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.contract.running import until
from tests.people import publishing
from tests.servers import DbusDaemon
from tests.servers.dbus_services import Boiler, Logind, NetworkManager, Systemd, UDisks2, UPower

HOST = socket.gethostname()


@pytest.fixture
def bus(tmp_path):
    with DbusDaemon(tmp_path) as running:
        yield running


class Machine:
    """A daemon on the bus with one preset, and what it has recorded."""

    def __init__(self, daemon, store):
        self.daemon = daemon
        self.store = store

    async def start(self):
        """Start it, and wait until it is on the bus."""
        before = len(self.daemon.logged("dbus_connected"))
        await asyncio.to_thread(start_hearing, self.daemon)
        await until(lambda: len(self.daemon.logged("dbus_connected")) > before, "the daemon is on the bus")

    async def stop(self):
        await asyncio.to_thread(self.daemon.stop)

    @property
    def alerts(self):
        """Title, severity, status and count of each alert, the oldest first."""
        rows = ledger.query(self.store, "SELECT * FROM data_alert ORDER BY FirstSeenAt, AlertGuid")
        return [(row["Title"], row["Severity"], row["Status"], row["Count"]) for row in rows]

    @property
    def incidents(self):
        """Title, status and package of each incident."""
        rows = ledger.query(self.store, "SELECT * FROM data_incident ORDER BY CreatedAt, IncidentGuid")
        return [(row["Title"], row["Status"], row["Package"]) for row in rows]

    @property
    def inbound(self):
        """Each row that came in: its object, its status and reason."""
        rows = ledger.query(self.store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND'")
        return sorted((row["Recipient"], row["Status"], ledger.metadata(row)["reason"]) for row in rows if row["Channel"] == "DBUS")

    async def until_alerts(self, *expected):
        await until(lambda: self.alerts == list(expected), lambda: f"{expected}; there are {self.alerts}")

    async def until_incidents(self, *expected):
        await until(lambda: self.incidents == list(expected), lambda: f"{expected}; there are {self.incidents}")


@pytest.fixture
def machine(broker, bus, sqlite_url, make_daemon):
    def make(preset, more=""):
        dbus = f'[dbus]\nbus = {json.dumps(bus.address)}\n[[dbus.sources]]\npreset = "{preset}"\n{more}\n'
        return Machine(make_daemon(store=sqlite_url, broker=broker.url, more=dbus), sqlite_url)

    return make


async def test_a_unit_that_fails_and_recovers(machine, bus):
    async with Systemd(bus.address, nginx="active", cron="active") as systemd:
        here = machine("systemd")
        await here.start()
        await systemd.until(lambda: ("ListUnits", []) in systemd.calls, "the units are listed")

        await systemd.enters("nginx.service", "deactivating")
        await systemd.enters("nginx.service", "failed")
        await here.until_incidents(("nginx.service failed", "CREATED", "SYSTEMD"))
        failed = here.alerts
        await systemd.enters("nginx.service", "activating")
        await systemd.enters("nginx.service", "active")
        await systemd.enters("cron.service", "inactive")

        await here.until_incidents(("nginx.service failed", "MONITORING", "SYSTEMD"))
    assert [("nginx.service failed", "HIGH", "FIRING", 1)] == failed
    assert [("nginx.service failed", "HIGH", "RESOLVED", 1)] == here.alerts
    path = "/org/freedesktop/systemd1/unit/nginx_2eservice"
    assert [(path, "RECEIVED", "opened"), (path, "RECEIVED", "resolved")] == here.inbound


async def test_units_that_failed_or_recovered_while_nobody_listened(machine, bus):
    async with Systemd(bus.address, nginx="failed", cron="active") as systemd:
        here = machine("systemd", 'watch = ["*.service"]')
        await here.start()
        await here.until_incidents(("nginx.service failed", "CREATED", "SYSTEMD"))
        await here.stop()
        await systemd.enters("nginx.service", "active")
        await systemd.enters("cron.service", "failed")

        await here.start()

        await here.until_alerts(("nginx.service failed", "HIGH", "RESOLVED", 1), ("cron.service failed", "HIGH", "FIRING", 1))
        await here.until_incidents(("nginx.service failed", "MONITORING", "SYSTEMD"), ("cron.service failed", "CREATED", "SYSTEMD"))


async def test_a_unit_that_was_reset_and_forgotten_while_nobody_listened(machine, bus):
    async with Systemd(bus.address, flaky="failed", other="failed") as systemd:
        here = machine("systemd", 'watch = ["flaky*"]\n[[dbus.sources]]\npreset = "systemd"\nwatch = ["other*"]')
        await here.start()
        await here.until_alerts(("flaky.service failed", "HIGH", "FIRING", 1), ("other.service failed", "HIGH", "FIRING", 1))
        await here.stop()
        systemd.forgets("flaky.service")

        await here.start()

        await here.until_alerts(("flaky.service failed", "HIGH", "RESOLVED", 1), ("other.service failed", "HIGH", "FIRING", 1))


async def test_a_unit_that_is_found_failed_at_each_start_is_counted_once(machine, bus):
    async with Systemd(bus.address, nginx="failed") as systemd:
        here = machine("systemd")
        await here.start()
        await here.until_alerts(("nginx.service failed", "HIGH", "FIRING", 1))
        await here.stop()

        await here.start()
        await systemd.until(lambda: systemd.calls.count(("ListUnits", [])) == 2, "the units are listed again")
        await systemd.enters("nginx.service", "active")

        await here.until_alerts(("nginx.service failed", "HIGH", "RESOLVED", 1))
    assert ["opened", "resolved"] == [reason for _, _, reason in here.inbound]


async def test_a_service_that_comes_later_is_asked_then(machine, bus):
    here = machine("systemd")
    await here.start()
    async with Systemd(bus.address, nginx="failed") as systemd:
        await here.until_incidents(("nginx.service failed", "CREATED", "SYSTEMD"))

        await systemd.enters("nginx.service", "active")

        await here.until_incidents(("nginx.service failed", "MONITORING", "SYSTEMD"))


async def test_a_battery_that_is_critical_and_charged(machine, bus):
    async with UPower(bus.address) as upower:
        here = machine("upower")
        await here.start()
        await upower.until(lambda: upower.calls, "the battery is asked")

        await upower.warns(3)
        await upower.warns(4)
        await here.until_alerts(("Battery critical", "HIGH", "FIRING", 1))
        await upower.warns(5)
        await here.until_alerts(("Battery critical", "CRITICAL", "FIRING", 2))
        await upower.warns(1)

        await here.until_incidents(("Battery critical", "MONITORING", "POWER"))
    assert ["opened", "resolved", "severity_changed"] == sorted(reason for _, _, reason in here.inbound)


async def test_a_battery_that_was_charged_while_nobody_listened(machine, bus):
    async with UPower(bus.address, warning_level=5) as upower:
        here = machine("upower")
        await here.start()
        await here.until_alerts(("Battery critical", "CRITICAL", "FIRING", 1))
        await here.stop()
        upower.warning_level = 1

        await here.start()

        await here.until_alerts(("Battery critical", "CRITICAL", "RESOLVED", 1))


async def test_a_drive_that_fails_and_one_that_is_taken_away(machine, bus):
    async with UDisks2(bus.address, ST4000_Z30=False, WDC_1=True) as udisks:
        here = machine("udisks2")
        await here.start()
        await here.until_alerts(("Drive WDC_1 is failing", "CRITICAL", "FIRING", 1))

        await udisks.says("ST4000_Z30", fails=True)
        await here.until_incidents(
            ("Drive WDC_1 is failing", "CREATED", "STORAGE"), ("Drive ST4000_Z30 is failing", "CREATED", "STORAGE")
        )
        await udisks.unplugged("WDC_1")
        await udisks.says("ST4000_Z30", fails=False)

        await here.until_incidents(
            ("Drive WDC_1 is failing", "MONITORING", "STORAGE"), ("Drive ST4000_Z30 is failing", "MONITORING", "STORAGE")
        )


async def test_a_drive_that_was_taken_away_while_nobody_listened(machine, bus):
    async with UDisks2(bus.address, WDC_1=True) as udisks:
        here = machine("udisks2")
        await here.start()
        await here.until_alerts(("Drive WDC_1 is failing", "CRITICAL", "FIRING", 1))
        await here.stop()
        del udisks.failing["WDC_1"]

        await here.start()

        await here.until_alerts(("Drive WDC_1 is failing", "CRITICAL", "RESOLVED", 1))


async def test_connectivity_that_is_lost_and_comes_back(machine, bus):
    async with NetworkManager(bus.address) as network:
        here = machine("networkmanager")
        await here.start()
        await network.until(lambda: network.calls, "the network is asked")

        await network.has(3)
        await here.until_alerts(("Network connectivity lost", "MEDIUM", "FIRING", 1))
        await network.has(1)
        await here.until_incidents(("Network connectivity lost", "CREATED", "NETWORK"))
        await network.has(4)

        await here.until_incidents(("Network connectivity lost", "MONITORING", "NETWORK"))
    assert [("Network connectivity lost", "HIGH", "RESOLVED", 2)] == here.alerts


async def test_connectivity_that_came_back_while_nobody_listened(machine, bus):
    async with NetworkManager(bus.address, connectivity=1) as network:
        here = machine("networkmanager")
        await here.start()
        await here.until_alerts(("Network connectivity lost", "HIGH", "FIRING", 1))
        await here.stop()
        network.connectivity = 4

        await here.start()

        await here.until_alerts(("Network connectivity lost", "HIGH", "RESOLVED", 1))


async def test_a_name_that_vanishes_and_is_owned_again(machine, bus):
    here = machine("names", 'watch = ["org.example.Boiler"]')
    async with Boiler(bus.address):
        await here.start()
    await here.until_incidents(("org.example.Boiler vanished from the bus", "CREATED", "DBUS"))

    async with Boiler(bus.address):
        await here.until_incidents(("org.example.Boiler vanished from the bus", "MONITORING", "DBUS"))


async def test_a_name_that_was_not_there_to_begin_with(machine, bus):
    here = machine("names", 'watch = ["org.example.Boiler"]')

    await here.start()

    await here.until_alerts(("org.example.Boiler vanished from the bus", "HIGH", "FIRING", 1))


def silences(store):
    rows = ledger.query(store, "SELECT * FROM def_silence")
    return [(row["SilenceGuid"], json.loads(row["Matchers"]), row["CreatedBy"], row["ExpiredBy"]) for row in rows]


async def test_a_machine_that_goes_down_is_silenced_until_it_is_back(machine, bus, broker, base_topic, sqlite_url):
    opened = (f"shutdown-{HOST}", [f'source = "{HOST}"'], "logind", None)
    async with Logind(bus.address) as logind:
        here = machine("logind")
        await here.start()
        await logind.until(lambda: logind.calls, "logind is asked")

        await logind.prepares_for_shutdown(True)
        await until(lambda: silences(sqlite_url) == [opened], lambda: f"the silence; there is {silences(sqlite_url)}")
        with publishing(broker, base_topic) as publish:
            publish(f"alerts/{HOST}/API", title="API down", severity="CRITICAL")
            await here.until_alerts(("API down", "CRITICAL", "FIRING", 1))
        silenced = here.incidents
        await here.stop()
        logind.goes_down = False
        await here.start()

        await here.until_incidents(("API down", "CREATED", "API"))
    assert [] == silenced
    assert [(*opened[:3], "logind")] == silences(sqlite_url)
    assert {("/org/freedesktop/login1", "RECEIVED", "command")} == set(here.inbound)


async def test_a_shutdown_that_comes_to_nothing_ends_the_silence(machine, bus, sqlite_url):
    async with Logind(bus.address, goes_down=True) as logind:
        here = machine("logind", 'watch = ["labels.site = east"]')
        await here.start()
        await until(lambda: silences(sqlite_url), "the silence")

        await logind.prepares_for_shutdown(False)

        await until(lambda: silences(sqlite_url)[0][3], "the end of the silence")
    assert [(f"shutdown-{HOST}", ["labels.site = east"], "logind", "logind")] == silences(sqlite_url)
