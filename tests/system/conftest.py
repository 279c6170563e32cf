"""A private bus like the system's, with the shipped policy; and a daemon that serves on it."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.scene import start_hearing
from tests.contract.dbus.parties import Parties
from tests.gdbus import Gdbus
from tests.servers import DbusDaemon, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.contract.dbus.parties import Party
    from tests.servers import Daemon, Mosquitto

POLICY = Path(__file__).parents[2] / "config" / "dbus" / "org.axion.Bus1.conf"


@pytest.fixture
def dbus(tmp_path: Path) -> Iterator[DbusDaemon]:
    """The bus; the policy is written for whoever runs the tests, as it is for the user axion-bus."""
    policy = tmp_path / "policy.conf"
    text = POLICY.read_text("utf-8").replace('user="axion-bus"', f'user="{getpass.getuser()}"')
    policy.write_text(text.replace('group="axion-bus"', 'group="daemon"'))
    with DbusDaemon(tmp_path, "system-like", policies=[policy]) as bus:
        yield bus


@pytest.fixture
def gdbus(dbus: DbusDaemon) -> Gdbus:
    """Who calls at a shell."""
    return Gdbus(dbus.address)


@pytest.fixture
def serving(dbus: DbusDaemon, broker: Mosquitto, make_daemon: Callable[..., Daemon]) -> Callable[..., Daemon]:
    """Starts a daemon that is on the bus."""

    def start(url: str, **options: Any) -> Daemon:
        more = f"[dbus]\nbus = {json.dumps(dbus.address)}\n{options.pop('more', '')}"
        daemon = start_hearing(make_daemon(store=url, broker=broker.url, more=more, **options))
        wait_until(lambda: daemon.logged("dbus_connected"), "the daemon is on the bus")
        return daemon

    return start


@pytest.fixture
async def watcher(dbus: DbusDaemon) -> AsyncIterator[Party]:
    """Somebody else on the bus, who hears everything that the daemon tells."""
    async with Parties(dbus.address) as everybody:
        party = await everybody.join()
        await party.hear("type='signal',path_namespace='/org/axion/Bus1'")
        yield party
