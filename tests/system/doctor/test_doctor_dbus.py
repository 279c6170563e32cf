"""``axion-bus doctor`` on a D-Bus bus: whether the daemon is there, is the right one, and may be spoken to."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from axion_bus.buses.dbus.link import Link
from axion_bus.config import parse
from axion_bus.doctor import dbus as doctor
from tests.chaos.scene import start_hearing
from tests.servers import DbusDaemon, wait_until

POLICY = Path(__file__).parents[3] / "config/dbus/org.axion.Bus1.conf"
NAME = "org.axion.Bus1"


async def verdicts(address, **limits):
    findings = await doctor.examine(parse({"dbus": {"bus": address}}).dbus, **limits)
    return {finding.check: finding.verdict.value for finding in findings}


@pytest.fixture
def bus(tmp_path):
    with DbusDaemon(tmp_path) as server:
        yield server


async def test_a_bus_that_is_off_is_well():
    assert {"dbus": "ok"} == await verdicts("off")


async def test_a_bus_that_is_not_there_is_a_fault(tmp_path):
    assert {"dbus.reach": "fail"} == await verdicts(f"unix:path={tmp_path}/nothing")


async def test_a_bus_without_the_daemon_is_told_and_its_name_is_left_alone(bus):
    found = await verdicts(bus.address)
    other = await Link.open(bus.address, take=lambda _message: None)
    await other.request_name(NAME)  # raises if the doctor had it still
    await other.close()

    assert {"dbus.reach": "ok", "dbus.name": "warn"} == found


async def test_a_running_daemon_is_well(bus, broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=f'[dbus]\nbus = "{bus.address}"\n'))
    wait_until(lambda: "dbus connected" in daemon.notifications[-1], "the daemon is on the bus")

    assert {"dbus.reach": "ok", "dbus.name": "ok", "dbus.uid": "ok", "dbus.speak": "ok"} == await verdicts(bus.address)


async def test_a_program_that_owns_the_name_and_does_not_answer_is_a_fault(bus):
    mute = await Link.open(bus.address, take=lambda _message: None)
    await mute.request_name(NAME)
    found = await verdicts(bus.address, limit_s=1.0)
    await mute.close()

    assert {"dbus.reach": "ok", "dbus.name": "ok", "dbus.uid": "ok", "dbus.speak": "fail"} == found


async def test_a_policy_that_does_not_let_us_speak_is_a_fault(tmp_path):
    policy = tmp_path / "policy.conf"
    text = POLICY.read_text("utf-8").replace('user="axion-bus"', f'user="{getpass.getuser()}"')
    policy.write_text(text.replace('<allow send_destination="org.axion.Bus1', '<deny send_destination="org.axion.Bus1'))
    with DbusDaemon(tmp_path, "system-like", policies=[policy]) as bus:
        owner = await Link.open(bus.address, take=lambda _message: None)
        await owner.request_name(NAME)
        found = await verdicts(bus.address, limit_s=1.0)
        await owner.close()

    assert {"dbus.reach": "ok", "dbus.name": "ok", "dbus.uid": "ok", "dbus.speak": "fail"} == found
