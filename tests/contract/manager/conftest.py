"""An incident manager on an empty database of each kind, and more of them on the same one; and desks of the bus on a shared one."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from axion_bus import AsyncIncidentManager
from axion_bus.config import parse
from tests.contract.manager import bus


@pytest.fixture
def settings(store_url):
    """Settings with that database and nothing else."""
    return parse({"store": {"url": store_url}, "instance": {"name": "test"}})


@pytest.fixture
async def manager(settings):
    """The manager."""
    async with AsyncIncidentManager(settings) as opened:
        yield opened


@pytest.fixture
async def managers(settings):
    """Makes managers with connections of their own, as other processes have."""
    async with AsyncExitStack() as stack:

        async def make(number):
            return [await stack.enter_async_context(AsyncIncidentManager(settings)) for _ in range(number)]

        yield make


@pytest.fixture
def an_incident(manager):
    """Opens an incident and gives its guid."""

    async def make(**given):
        return await manager.create_incident(**{"title": "t", "severity": "HIGH", "package": "P", **given})

    return make


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def shared_url(request, tmp_path_factory):
    """A database of each kind that the tests of a module share."""
    if request.param == "sqlite":
        return bus.set_up(f"sqlite:///{tmp_path_factory.mktemp('shared')}/axion-bus.db")
    return bus.set_up(request.getfixturevalue("mariadb").fresh_database())


@pytest.fixture
async def make_desk(shared_url):
    """Opens desks where commands and replies arrive; arguments are sections of the configuration."""
    async with AsyncExitStack() as stack:

        async def make(**settings):
            return await stack.enter_async_context(bus.opened(shared_url, settings))

        yield make


@pytest.fixture
async def desk(make_desk):
    """A desk with nothing configured."""
    return await make_desk()
