"""A bus on the session's broker, once for each version of MQTT, and another client beside it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.contract.mqtt.station import Party, Station, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from axion_bus.config.mqtt import Mqtt


@dataclass(frozen=True, slots=True)
class Authority:
    """Certificates: ``server`` is the context of one for localhost, ``ca_file`` is what a client trusts it by."""

    server: ssl.SSLContext
    ca_file: str


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of the test's own."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.issue_cert("localhost").configure_cert(context)
    return Authority(context, f"{tmp_path}/authority.pem")


@pytest.fixture(params=[5, 4], ids=["mqtt5", "mqtt311"])
def protocol(request: pytest.FixtureRequest) -> int:
    """The version of MQTT: the test runs once for each."""
    return int(request.param)


@pytest.fixture
def mqtt(broker, base_topic: str, protocol: int) -> Mqtt:
    """Settings for the session's broker, with a base topic and a client id of the test's own."""
    return settings(broker.url, base_topic, protocol)


@pytest.fixture
async def party(broker) -> AsyncIterator[Party]:
    """Another client at the session's broker."""
    async with Party(broker.port) as client:
        yield client


@pytest.fixture
async def station(mqtt: Mqtt) -> AsyncIterator[Station]:
    """A bus that is connected to the session's broker."""
    async with Station(mqtt) as running:
        yield await running.connected()
