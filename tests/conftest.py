"""Fixtures that any test may use: the private servers, and the daemon run against them.

``broker`` and ``mariadb`` are shared by the whole session; tests keep apart by ``base_topic`` and by databases of their own. A
test that kills, freezes or reconfigures a server takes ``own_broker`` or ``own_mariadb``.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests import people
from tests.chaos.scene import start_hearing
from tests.servers import RUNNING, Daemon, MariaDb, Mosquitto, configuration
from tests.servers.providers import Providers
from tests.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long`` for the fault tests."""
    parser.addoption("--long", action="store_true", help="run the fault tests in their long forms (make chaos)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A fault test may take longer than others: the time-out is there for what hangs, not for what is slow."""
    for item in items:
        if item.get_closest_marker("chaos") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(3600 if config.getoption("--long") else 300))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its servers said last."""
    report = yield
    if report.failed:
        report.sections.extend((f"log of {server.name}, pid {server.pid}", server.tail()) for server in RUNNING)
    return report


@pytest.fixture
def is_long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form of a fault test is wanted."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The session's broker."""
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """The session's database server."""
    with MariaDb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker of the test's own, which it may kill."""
    with Mosquitto(tmp_path_factory.mktemp("mosquitto"), sys_interval=1) as server:
        yield server


@pytest.fixture
def own_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A database server of the test's own, which it may kill."""
    with MariaDb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def providers() -> Iterator[Providers]:
    """Everybody who takes messages to people, on loopback."""
    with Providers() as running:
        yield running


@pytest.fixture
def paging(broker: Mosquitto, make_daemon: Callable[..., Daemon], providers: Providers) -> Callable[..., Daemon]:
    """Starts a daemon on a store whose notify code EVERYBODY leads to all of ``providers``, or to the channels that are named."""

    def start(url: str, *channels: str, more: str, secret: Callable[[str], str] | None = None) -> Daemon:
        sections = providers.channels(*channels, **({"secret": secret} if secret else {}))
        daemon = make_daemon(store=url, broker=broker.url, more=more + sections, environment=None if secret else people.SECRETS)
        start_hearing(daemon)
        people.define(url, "EVERYBODY", ",".join(channels or people.CHANNELS))
        return daemon

    return start


@pytest.fixture
def publish(broker: Mosquitto, base_topic: str) -> Iterator[Callable[..., None]]:
    """Publishes JSON below the base topic: ``publish("alerts/db/main", title="Database down")``."""
    with people.publishing(broker, base_topic) as publish:
        yield publish


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line, in this process: with an empty configuration, a home of its own, and nothing else of ours set."""
    for name in [name for name in os.environ if name.startswith("AXION_BUS")]:
        monkeypatch.delenv(name)
    (tmp_path / "empty.toml").touch()
    monkeypatch.setenv("AXION_BUS_CONFIG", str(tmp_path / "empty.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return Shell(capsys, monkeypatch)


@pytest.fixture
def base_topic() -> str:
    """A base topic that no other test uses."""
    return f"axion-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path}/axion-bus.db"


@pytest.fixture(params=["sqlite", "mariadb"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs once for each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("mariadb").fresh_database())


@pytest.fixture
def make_daemon(tmp_path: Path, base_topic: str) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons, not yet started, that are ended with the test; arguments as for ``configuration``, and ``environment``."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Daemon:
            options = {"base_topic": base_topic, "instance": "test", **settings}
            environment = options.pop("environment", None)
            daemon = Daemon(tmp_path, configuration(**options), environment=environment, name=f"axion-bus-{options['instance']}")
            stack.callback(_end, daemon)
            return daemon

        yield make


def _end(daemon: Daemon) -> None:
    if daemon.is_running:
        daemon.kill()
