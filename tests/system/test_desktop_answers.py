"""From an alert on MQTT to a click on a desktop and back: everybody sees the same."""

from __future__ import annotations

import asyncio
import json

import pytest

from axion_bus.buses.dbus.values import plain
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.chaos.subscriber import Subscriber
from tests.contract.running import until
from tests.gdbus import given
from tests.people import define, messages
from tests.servers import DbusDaemon, wait_until
from tests.servers.desktop import Desktop
from tests.servers.notifications import NotificationServer

ALERT = {"id": "1", "title": "Database down", "severity": "CRITICAL", "package": "DATABASE"}
SIGNALS = ("IncidentCreated", "IncidentChanged")
INBOUND = "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND' AND Channel = 'DBUS'"


@pytest.fixture
def session_bus(tmp_path):
    with DbusDaemon(tmp_path, name="session-bus") as bus:
        yield bus


@pytest.fixture
async def server(session_bus):
    async with NotificationServer(session_bus.address) as running:
        yield running


@pytest.fixture
def desktop(tmp_path, dbus, session_bus, server):
    """The desktop of ann, not yet started."""
    made = Desktop(tmp_path, bus=dbus.address, session=session_bus.address, user="ann")
    yield made
    if made.is_running:
        made.kill()


@pytest.fixture
def working(serving, desktop, publish):
    """Starts a daemon and the desktop, and publishes ALERT; returns the daemon."""

    async def work(url, more=""):
        daemon = await asyncio.to_thread(serving, url, more=more)
        await asyncio.to_thread(desktop.start)
        publish("alerts/db/main", **ALERT)
        return daemon

    return work


@pytest.fixture
def moves(broker, base_topic):
    """What MQTT is told of incidents that move on."""
    with Subscriber(broker.port, f"{base_topic}/events/incident/status-changed") as subscriber:
        yield subscriber


def status(url):
    return [row["Status"] for row in ledger.query(url, "SELECT Status FROM data_incident")]


def told(party, *members):
    """The arguments of the signals ``members`` that it heard."""
    return [plain(each.body) for each in party.signals if each.member in members]


async def is_so(condition, what):
    await asyncio.to_thread(wait_until, condition, what)


async def test_a_click_on_acknowledge_moves_the_incident_everywhere(working, server, moves, store_url):
    await working(store_url)
    await server.until(lambda: server.seen)
    seen = server.only
    server.click(seen.number, "acknowledge")
    await is_so(lambda: moves.messages, "the event on MQTT")
    (event,) = moves.events
    await server.until(lambda: not server.seen)

    assert ("CRITICAL: Database down", 2) == (seen.summary, seen.urgency)
    assert ["INVESTIGATING"] == status(store_url)
    (row,) = ledger.query(store_url, INBOUND)
    assert ("RECEIVED", "ann") == (row["Status"], json.loads(row["Metadata"])["by"])
    assert ("ann", {"old": "CREATED", "new": "INVESTIGATING"}) == (event["data"]["by"], event["data"]["change"])


async def test_what_is_submitted_on_the_bus_is_answered_on_the_desktop_and_seen_everywhere(  # noqa: PLR0917 - everybody has a part
    serving, desktop, gdbus, watcher, server, broker, base_topic, sqlite_url
):
    await asyncio.to_thread(serving, sqlite_url)
    await asyncio.to_thread(desktop.start)
    with Subscriber(broker.port, f"{base_topic}/events/incident/#") as subscriber:
        await asyncio.to_thread(subscriber.wait_until_subscribed, 1)
        given(await asyncio.to_thread(gdbus.call, "Submit", json.dumps(ALERT)))
        await server.until(lambda: server.seen)
        server.click(server.only.number, "acknowledge")
        await is_so(lambda: len(subscriber.events) == 3, "the events on MQTT")
        await until(lambda: len(told(watcher, *SIGNALS)) == 3, "the signals on D-Bus")

    told_by_mqtt = [(int(each["sequence"]), each["data"]["incident"]["status"]) for each in subscriber.events]
    told_by_dbus = [(each[-1]["sequence"], each[-1]["status"]) for each in told(watcher, *SIGNALS)]
    assert [(1, "CREATED"), (2, "INVESTIGATING"), (3, "INVESTIGATING")] == told_by_mqtt == told_by_dbus
    assert "InterfacesAdded" == next(each.member for each in watcher.signals if each.member in {"InterfacesAdded", *SIGNALS})
    assert ["INVESTIGATING"] == status(sqlite_url)


async def test_a_click_on_close_closes_the_incident(working, server, sqlite_url):
    await working(sqlite_url)
    await server.until(lambda: server.seen)
    server.click(server.only.number, "close")
    await is_so(lambda: status(sqlite_url) == ["CLOSED"], "the incident is closed")

    (note,) = ledger.query(sqlite_url, "SELECT * FROM data_incident_note")
    assert ("Closed on the desktop of ann", "ann") == (note["Content"], note["CreatedBy"])


async def test_what_somebody_acknowledges_over_mqtt_is_withdrawn(working, publish, server, sqlite_url):
    await working(sqlite_url)
    await server.until(lambda: server.seen)
    guid = ledger.query(sqlite_url, "SELECT IncidentGuid FROM data_incident")[0]["IncidentGuid"]
    publish("request/acknowledge", incident_guid=guid, by="bob")
    await server.until(lambda: not server.seen)

    assert [] == ledger.query(sqlite_url, INBOUND)


async def test_what_was_opened_before_the_desktop_started_is_seen_and_withdrawn_when_it_ends(
    serving, publish, desktop, server, sqlite_url
):
    await asyncio.to_thread(serving, sqlite_url)
    publish("alerts/db/main", **ALERT)
    await is_so(lambda: status(sqlite_url) == ["CREATED"], "the incident is open")
    await asyncio.to_thread(desktop.start)
    await server.until(lambda: server.seen)
    code = await asyncio.to_thread(desktop.stop)

    assert (0, {}) == (code, server.seen)


async def test_a_daemon_that_is_killed_and_started_again_is_answered(working, publish, server, sqlite_url):
    daemon = await working(sqlite_url)
    await server.until(lambda: server.seen)
    daemon.kill()
    await asyncio.to_thread(start_hearing, daemon)
    publish("alerts/db/main", **{**ALERT, "id": "2", "title": "Disk full", "severity": "HIGH"})
    await server.until(lambda: len(server.seen) == 2)
    server.click(next(iter(server.seen)), "acknowledge")
    await is_so(lambda: sorted(status(sqlite_url)) == ["CREATED", "INVESTIGATING"], "one of them is acknowledged")

    assert ["HIGH: Disk full"] == server.summaries


async def test_a_desktop_without_any_bus_waits_and_ends_in_order(tmp_path):
    nowhere = f"unix:path={tmp_path}/nowhere"
    desktop = Desktop(tmp_path, bus=nowhere, session=nowhere, user="ann").spawn()
    await is_so(lambda: desktop.log.read_text().count('"bus_away"') >= 4, "both buses are tried again")
    code = await asyncio.to_thread(desktop.stop)

    assert 0 == code


@pytest.mark.parametrize("given", [("--bus", "nonsense"), ("--limit", "0"), ("--limit", "51")])
def test_a_faulty_command_line_is_refused(shell, given):
    assert 2 == shell("desktop", *given).code


async def test_a_notify_code_reaches_the_desktop(working, server, sqlite_url):
    await working(sqlite_url, '[notify]\nacknowledged = "DESK"\n')
    await server.until(lambda: server.seen)
    define(sqlite_url, "DESK", "DBUS")
    server.click(server.only.number, "acknowledge")
    await server.until(lambda: "[CRITICAL] Database down (INVESTIGATING)" in server.summaries)
    await is_so(lambda: [row["Status"] for row in to_desktops(sqlite_url)] == ["SENT"], "the message is sent")

    assert () == server.only.actions


def to_desktops(url):
    return [row for row in messages(url) if row["Recipient"] == "desktop"]


async def test_what_waits_for_dbus_is_settled_when_that_is_turned_off(serving, publish, sqlite_url, dbus):
    daemon = await asyncio.to_thread(serving, sqlite_url)
    await asyncio.to_thread(dbus.kill)
    publish("alerts/db/main", **ALERT)
    await is_so(lambda: status(sqlite_url) == ["CREATED"], "the incident is open")
    daemon.stop()
    waiting = [row["Status"] for row in messages(sqlite_url)]
    turned_off = daemon.config_file.read_text().replace(f"bus = {json.dumps(dbus.address)}", 'bus = "off"')
    daemon.config_file.write_text(f'{turned_off}\n[relay]\nbudget = "1s"\n')
    await asyncio.to_thread(daemon.start)
    await is_so(lambda: daemon.logged("messages_abandoned"), "what waits is settled")

    assert (["PENDING"], [("FAILED", "given up: no daemon with [dbus] came to send it")]) == (
        waiting,
        [(row["Status"], row["ErrorMessage"]) for row in messages(sqlite_url)],
    )
