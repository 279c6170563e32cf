"""Home Assistant beside the daemon: what its entities would show while an incident comes and goes, and when it is turned off."""

from __future__ import annotations

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.publisher import Publisher
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber, retained
from tests.homeassistant import Entities
from tests.people import axion_bus
from tests.servers import wait_until


@pytest.fixture
def prefix(base_topic):
    return f"ha-{base_topic}"


@pytest.fixture
def start(broker, sqlite_url, make_daemon, prefix):
    def start(discovery, **more):
        keys = f'discovery = {discovery}\ndiscovery_prefix = "{prefix}"\nbirth_topic = "{prefix}/status"'
        return start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=f"[mqtt.homeassistant]\n{keys}", **more))

    return start


class House:
    """Home Assistant's entities, fed with all that the broker has for them."""

    def __init__(self, discovery, subscriber):
        self.entities = Entities(discovery)
        self._subscriber = subscriber
        self._taken = 0

    def shows(self, **wanted):
        """Wait until the entities have these states."""

        def look():
            for message in self._subscriber.messages[self._taken :]:
                self.entities.hear(message.topic, message.payload)
                self._taken += 1
            return wanted.items() <= self.entities.states.items()

        wait_until(look, lambda: f"{wanted}; shown is {self.entities.states}")


@pytest.fixture
def house(broker, base_topic, prefix):
    """Makes the house, once the device is announced."""
    topic = f"{prefix}/device/axion_bus_test/config"
    with Subscriber(broker.port, f"{base_topic}/#") as subscriber:

        def make():
            wait_until(lambda: topic in retained(broker.port, f"{prefix}/#"), "the device is announced")
            return House(retained(broker.port, topic)[topic], subscriber)

        yield make


def test_its_entities_follow_an_incident_from_its_opening_to_its_end(broker, sqlite_url, start, house, base_topic):
    daemon = start("true")
    shown = house()
    shown.shows(problem="OFF", open_incidents=0, highest_severity="NONE")
    with Publisher(broker.port) as publisher:
        body = b'{"id":"1","title":"API slow","severity":"HIGH","package":"WEBAPI"}'
        publisher.send([Message(topic=f"{base_topic}/alerts/web/api", body=body)])
        shown.shows(problem="ON", open_incidents=1, highest_severity="HIGH", incident="created")
    (guid,) = (row["IncidentGuid"] for row in ledger.query(sqlite_url, "SELECT IncidentGuid FROM data_incident"))
    axion_bus(daemon, "acknowledge", guid)
    shown.shows(problem="ON", incident="assigned")
    axion_bus(daemon, "close-incident", guid, "--resolution", "restarted", "--root-cause", "a leak")
    shown.shows(problem="OFF", open_incidents=0, highest_severity="NONE", incident="closed")

    assert (guid, "API slow", "CLOSED", {}) == (
        shown.entities.attributes["incident"]["incident_guid"],
        shown.entities.attributes["incident"]["title"],
        shown.entities.attributes["incident"]["status"],
        shown.entities.attributes["open_incidents"]["severity"],
    )


def test_its_entities_are_available_while_the_daemon_is(start, house):
    daemon = start("true")
    shown = house()
    shown.shows(problem="OFF")
    was_available = shown.entities.is_available
    daemon.stop()

    def is_gone():
        shown.shows()
        return shown.entities.is_available is False

    wait_until(is_gone, "the entities are unavailable")
    assert was_available


def test_turned_off_and_started_again_the_daemon_takes_the_device_away(broker, start, house, prefix):
    start("true").stop()
    house()
    start("false")
    wait_until(lambda: not retained(broker.port, f"{prefix}/#"), "the device is taken away")

    assert {} == retained(broker.port, f"{prefix}/#")


def test_turned_off_by_a_reload_the_device_is_taken_away_and_turned_on_it_is_there_again(broker, start, house, prefix, shell):
    daemon = start("true")
    shell.set("RUNTIME_DIRECTORY", str(daemon.directory))
    house()
    shown = []
    for before, after in [("true", "false"), ("false", "true")]:
        text = daemon.config_file.read_text()
        daemon.config_file.write_text(text.replace(f"discovery = {before}", f"discovery = {after}"))
        said = shell("reload", "--config", daemon.config_file)
        wait_until(lambda is_on=after == "true": is_on is bool(retained(broker.port, f"{prefix}/#")), f"discovery = {after}")
        shown.append((said.code, list(retained(broker.port, f"{prefix}/#"))))

    assert [(0, []), (0, [f"{prefix}/device/axion_bus_test/config"])] == shown
